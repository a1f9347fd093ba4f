package grouping

import (
	"strings"

	"github.com/monlight/monlight/error-tracker/internal/tracker/event"
)

// maxFrames is how many frames of a stack tell one error from another. With
// more of them a new wrapper around the program would open new issues; with
// one, all errors of a shared helper would be one issue.
const maxFrames = 3

// maxStatement is the longest line of source that takes part. Longer ones are
// generated.
const maxStatement = 120

// keyFrame is a frame as far as it takes part in a key.
type keyFrame struct {
	place     string // module or path
	function  string
	statement string // of the first frame only
}

// String is the frame as people read it: "load in app/orders.py".
func (k keyFrame) String() string {
	switch {
	case k.function == "":
		return k.place
	case k.place == "":
		return k.function
	}
	return k.function + " in " + k.place
}

// selection is a rule that frames of a stack are chosen by.
type selection int

const (
	ownCode    selection = iota // the program's own code, as far as it is known
	notLibrary                  // what no rule knows as a library, whatever the SDK said
	anyCode                     // libraries too
	everything                  // even what says nothing
)

// keyFrames chooses the frames of a stack that take part, from the place of
// the error outwards: by the first rule that finds one.
func keyFrames(frames []event.Frame, platform string) []keyFrame {
	rules := []selection{ownCode, anyCode}
	switch p := family(platform); {
	case p == "java" || p == "csharp":
		// Their SDKs know the program's packages only when someone listed
		// them, and take everything for libraries else.
		rules = []selection{ownCode, notLibrary, anyCode}
	case isNative(p) && !flagged(frames):
		// Names of binaries are a weak hint at whose code it is: the function
		// that crashed takes part whatever it belongs to.
		if own := chooseFrames(frames, platform, ownCode); len(own) > 0 {
			return crashedIn(chooseFrames(frames, platform, anyCode)[0], own)
		}
		rules = []selection{anyCode, everything}
	case isNative(p):
		rules = []selection{ownCode, anyCode, everything}
	}
	for _, rule := range rules {
		if chosen := chooseFrames(frames, platform, rule); len(chosen) > 0 {
			return chosen
		}
	}
	return nil
}

// crashedIn puts the frame of a crash before the program's own frames.
func crashedIn(crash keyFrame, own []keyFrame) []keyFrame {
	if crash.place == own[0].place && crash.function == own[0].function {
		return own
	}
	own[0].statement = ""
	return append([]keyFrame{crash}, own[:min(len(own), maxFrames-1)]...)
}

// chooseFrames takes the innermost frames that the rule lets through.
func chooseFrames(frames []event.Frame, platform string, rule selection) []keyFrame {
	var chosen []keyFrame
	limit := maxFrames
	for i := len(frames) - 1; i >= 0 && len(chosen) < limit; i-- {
		f := &frames[i]
		p := platform
		if f.Platform != "" {
			p = f.Platform
		}
		p = family(p)
		if rule != everything && isNoise(f, p) {
			if rule == anyCode && isNative(p) {
				// What calls a system's own abort depends on drivers and on
				// the build of the system, so less of it takes part.
				limit = max(limit-1, 1)
			}
			continue
		}
		if rule == ownCode && !inApp(f, p) || rule == notLibrary && isLibrary(f, p) {
			continue
		}
		if rule == ownCode && i < len(frames)-1 && isLauncher(f, p) {
			continue
		}
		k := keyFrame{place: place(f, p), function: cleanFunction(f.Function, p)}
		if k.place == "" && k.function == "" {
			continue
		}
		if n := len(chosen); n > 0 && chosen[n-1].place == k.place && chosen[n-1].function == k.function {
			continue // recursion
		}
		if len(chosen) == 0 {
			k.statement = statement(f.ContextLine)
		}
		chosen = append(chosen, k)
	}
	return chosen
}

// flagged tells whether the SDK said of any frame if it is the program's own.
func flagged(frames []event.Frame) bool {
	for i := range frames {
		if frames[i].InApp != nil {
			return true
		}
	}
	return false
}

// isLauncher tells frames that every stack of a program begins with. Errors of
// libraries that nothing else of the program is around would all be one issue
// if these stood for the program.
func isLauncher(f *event.Frame, platform string) bool {
	if f.InApp != nil {
		return false // the SDK knows better
	}
	path := f.AbsPath
	if path == "" {
		path = f.Filename
	}
	dir, file := "", path
	if i := strings.LastIndexAny(path, `/\`); i >= 0 {
		file = path[i+1:]
		dir = path[strings.LastIndexAny(path[:i], `/\`)+1 : i]
	}
	switch platform {
	case "python":
		return file == "manage.py" || file == "wsgi.py" || file == "asgi.py"
	case "php":
		return file == "artisan" || file == "index.php" || file == "server.php" || dir == "bin" && file == "console"
	case "ruby":
		return dir == "bin" || dir == "exe" || file == "config.ru" || dir == "config" && (file == "boot.rb" || file == "environment.rb")
	}
	return false
}

// family maps the names that SDKs give their platform to those that share rules.
func family(platform string) string {
	switch platform {
	case "javascript-react", "javascript-browser", "browser", "react-native":
		return "javascript"
	case "kotlin", "scala", "android", "groovy", "clojure":
		return "java"
	case "dotnet", "fsharp", "vb":
		return "csharp"
	}
	return platform
}

// isNative tells platforms whose programs are machine code.
func isNative(platform string) bool {
	switch platform {
	case "native", "cocoa", "objc", "swift", "c", "rust":
		return true
	}
	return false
}

// statement is the line of source as it takes part in a key, "" if it does not.
func statement(line string) string {
	line = strings.TrimSpace(line)
	if len(line) > maxStatement || strings.Contains(line, "{snip}") {
		return ""
	}
	return line
}

// place tells in which module or file a frame is.
func place(f *event.Frame, platform string) string {
	script := platform == "javascript" || platform == "node"
	if !script && f.Module != "" && f.Module != "__main__" {
		return cleanModule(f.Module, platform)
	}
	path := f.Filename
	if path == "" {
		path = f.AbsPath
	}
	if path == "" {
		if f.Module != "" && f.Module != "__main__" {
			return cleanModule(f.Module, platform)
		}
		return cleanPackage(f.Package)
	}
	segments := 3
	switch {
	case strings.HasPrefix(path, "file:"):
		segments = 1
	case isAbsolute(path):
		segments = 2
	}
	dirs, file := cleanSegments(path)
	if keep := segments - 1; len(dirs) > keep {
		dirs = dirs[len(dirs)-keep:]
	}
	if len(dirs) == 0 {
		return file
	}
	return strings.Join(dirs, "/") + "/" + file
}

// cleanModule is a module's name without what is generated in it.
func cleanModule(s, platform string) string {
	switch platform {
	case "java":
		if i := strings.Index(s, "$$"); i > 0 { // Spring, Lambda, Hibernate
			s = s[:i]
		}
		for _, accessor := range []string{"GeneratedMethodAccessor", "GeneratedConstructorAccessor", "GeneratedSerializationConstructorAccessor"} {
			if i := strings.Index(s, accessor); i >= 0 {
				s = s[:i+len(accessor)]
			}
		}
	case "csharp":
		if i := strings.IndexAny(s, "+<"); i > 0 { // Shop.Cart+<Load>d__5
			s = strings.TrimRight(s[:i], ".")
		}
		if i := strings.IndexByte(s, ','); i > 0 { // with its assembly
			s = s[:i]
		}
		if i := strings.IndexByte(s, '`'); i > 0 {
			s = s[:i]
		}
	}
	return scrub(s)
}

// cleanPackage is the name of the binary that a native frame is in.
func cleanPackage(s string) string {
	s = strings.ReplaceAll(s, `\`, "/")
	return scrub(s[strings.LastIndexByte(s, '/')+1:])
}

// isNoise tells frames that say nothing about where an error is: code without
// a place, and the helpers of run times, compilers and of error reporting.
func isNoise(f *event.Frame, platform string) bool {
	path := f.Filename
	if path == "" {
		path = f.AbsPath
	}
	switch platform {
	case "javascript", "node":
		switch path {
		case "", "native", "<anonymous>", "[native code]", "<native>", "native code":
			return true
		}
		if strings.HasPrefix(path, "eval at ") || strings.Contains(path, "> eval") {
			return true
		}
		return isScriptHelper(f.Function, path)
	case "java":
		return isReflection(f)
	case "python":
		return f.Function == "sentry_patched_function" || strings.HasPrefix(f.Module, "sentry_sdk.") || strings.HasPrefix(f.Module, "monlight.")
	case "native", "cocoa", "objc", "swift", "c", "rust":
		return isCrashHandling(f.Function) || f.InApp == nil && isThreadStart(f.Function)
	case "php":
		// An error handler that raises an exception of a warning.
		return strings.HasSuffix(f.Function, "::handleError") || strings.Contains(f.Function, "HandleExceptions::")
	case "go":
		return f.Function == "panic" || f.Function == "gopanic" || f.Module == "runtime" || strings.HasPrefix(f.Module, "github.com/getsentry/sentry-go")
	}
	return false
}

// isScriptHelper tells code that transpilers and SDKs put around functions.
func isScriptHelper(function, path string) bool {
	switch function {
	case "__webpack_require__", "asyncGeneratorStep", "_asyncToGenerator", "__awaiter", "__generator", "tryCatch", "Generator.next",
		"Generator.<anonymous>", "Generator.invoke [as _invoke]", "sentryWrapped", "Object.sentryWrapped", "HTMLDocument.sentryWrapped",
		"flushMicroTasks", "processTicksAndRejections", "runMicrotasks", "process.processTicksAndRejections":
		return true
	}
	if strings.Contains(path, "node_modules/") || strings.Contains(path, "/npm/") {
		for _, library := range []string{"/@babel/", "/core-js", "/regenerator-runtime/", "/tslib/", "/zone.js/", "/@sentry/", "/@monlight/"} {
			if strings.Contains(path, library) {
				return true
			}
		}
	}
	file := path[strings.LastIndexByte(path, '/')+1:]
	for _, name := range []string{"monlight", "zone.js", "zone.min.js", "zone-evergreen"} {
		if strings.HasPrefix(file, name) {
			return true
		}
	}
	return false
}

// isCrashHandling tells functions that run between an error in native code and
// the end of the program.
func isCrashHandling(function string) bool {
	function = strings.TrimPrefix(function, "<")
	switch function {
	case "__pthread_kill", "pthread_kill", "__pthread_kill_implementation", "raise", "gsignal", "__GI_raise", "__GI_abort", "tgkill", "kill", "abort",
		"__abort", "_abort", "abort_message", "__assert_rtn", "__assert_fail", "__assert_fail_base", "demangling_terminate_handler", "_objc_terminate",
		"__cxa_throw", "__cxa_rethrow", "__cxa_bad_cast", "objc_exception_throw", "objc_exception_rethrow", "__exceptionPreprocess", "_CxxThrowException", "__CxxThrowException",
		"RaiseException", "RtlRaiseException", "KiUserExceptionDispatcher", "KiRaiseUserExceptionDispatcher", "UnhandledExceptionFilter", "terminate", "_purecall",
		"+[NSException raise:format:]", "+[NSException raise:format:arguments:]", "-[NSException raise]", "_CFThrowFormattedException",
		"malloc_report", "malloc_vreport", "malloc_zone_error", "__libc_message", "malloc_printerr", "__fortify_fail", "__stack_chk_fail",
		"rust_panic", "rust_begin_unwind", "__rust_start_panic", "_swift_runtime_on_report", "_swift_stdlib_reportFatalErrorInFile":
		return true
	}
	for _, prefix := range []string{"std::terminate", "std::__terminate", "std::unexpected", "core::panicking::", "std::panicking::", "core::result::unwrap_failed",
		"core::option::expect_failed", "core::option::unwrap_failed", "std::sys_common::backtrace::", "std::sys::backtrace::", "backtrace::", "rust_panic"} {
		if strings.HasPrefix(function, prefix) {
			return true
		}
	}
	return false
}

// isThreadStart tells functions that a thread begins with.
func isThreadStart(function string) bool {
	switch function {
	case "start_thread", "_pthread_start", "__pthread_start", "_pthread_body", "__pthread_body", "thread_start", "start_wqthread", "_pthread_wqthread", "clone", "__clone",
		"__clone3", "__start_thread", "__thread_entry", "BaseThreadInitThunk", "RtlUserThreadStart", "__RtlUserThreadStart", "_RtlUserThreadStart", "thread_start<T>",
		"__libc_start_main", "__libc_start_main_impl", "__libc_start_call_main", "_start", "start":
		return true
	}
	return false
}

// isReflection tells the frames between a Java method and its caller when the
// call went through reflection or a proxy.
func isReflection(f *event.Frame) bool {
	m := f.Module
	for _, prefix := range []string{"java.lang.reflect.", "jdk.internal.reflect.", "sun.reflect.", "java.lang.invoke.", "jdk.proxy", "com.sun.proxy."} {
		if strings.HasPrefix(m, prefix) {
			return true
		}
	}
	return strings.Contains(m, "$$FastClassBy") || strings.Contains(m, "$$EnhancerBy") || strings.Contains(m, "$$SpringCGLIB") ||
		strings.HasPrefix(m, "$Proxy") || strings.Contains(m, ".$Proxy")
}
