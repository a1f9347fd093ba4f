package logs

// Expr is a parsed search text.
type Expr struct {
	// The engine's own form; see ParseSearch.
}
