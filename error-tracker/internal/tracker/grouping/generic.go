package grouping

import "strings"

// genericTypes say nothing about an error: programs make all kinds of errors
// of them, and their stack is where the error was reported, not where it arose.
var genericTypes = map[string]bool{
	"*errors.errorString": true, "*errors.joinError": true, "*fmt.wrapError": true, "*fmt.wrapErrors": true,
	"*errors.fundamental": true, "*errors.withStack": true, "*errors.withMessage": true, // github.com/pkg/errors
	"*withstack.withStack": true, "*errutil.leafError": true, "*errutil.withPrefix": true, "*withmessage.withMessage": true, // cockroachdb/errors
	"*multierror.Error": true, "*multierr.multiError": true, "*eris.rootError": true, "*eris.wrapError": true, "*oops.OopsError": true,
	"*xerrors.errorString": true, "*xerrors.wrapError": true, "*xerrors.noWrapError": true, "*tracerr.errorData": true, "*status.Error": true,
	"NetworkError":  true, // of a request by way of a helper that makes them all
	"anyhow::Error": true, "eyre::Report": true, "Box<dyn Error>": true, "alloc::string::String": true, "alloc::boxed::Box<dyn core::error::Error>": true,
}

// messageTypes are what clients call something that was logged and not raised.
// Its stack is the one of the logging call, of which there may be one for a
// whole program.
var messageTypes = map[string]bool{"ConsoleError": true, "ConsoleWarning": true}

func isGeneric(typ string) bool { return genericTypes[typ] }

// cleanType is the name of an exception's type without type arguments,
// addresses and the number of a class without a name.
func cleanType(s string) string {
	if genericTypes[s] {
		return s
	}
	if i := strings.IndexByte(s, '`'); i > 0 { // .NET: Shop.Failure`1[System.Int32]
		s = s[:i]
	}
	if i := strings.IndexByte(s, '['); i > 0 { // Go: *shop.Failure[int]
		s = s[:i]
	}
	if i := strings.IndexByte(s, '<'); i > 0 && strings.HasSuffix(s, ">") { // Rust, C++, C#: Failure<T>
		s = s[:i]
	}
	if i := strings.Index(s, "@anonymous"); i > 0 { // PHP: Failure@anonymous/app/a.php:3$0
		s = s[:i+len("@anonymous")]
	}
	return scrub(s)
}
