package inbound

import (
	"strings"

	"github.com/monlight/monlight/error-tracker/internal/tracker/event"
)

// extensionSchemes are where browsers load the scripts of extensions from.
var extensionSchemes = []string{
	"chrome-extension://", "chrome://", "moz-extension://", "safari-extension://", "safari-web-extension://", "ms-browser-extension://",
	"webkit-masked-url:", "resource://",
}

// extensionMarks are texts of errors that only extensions, toolbars and the
// scripts of in-app browsers cause.
var extensionMarks = []string{
	"Extension context invalidated", "can't access dead object", "_gCrWeb", "_AutofillCallbackHandler", "atomicFindClose", "fb_xd_fragment",
	"bmi_SafeAddOnload", "EBCallBackMessageReceived", "MyApp_RemoveAllHighlights", "conduitPage", "originalCreateNotification", "jigsaw is not defined",
	"ComboSearch is not defined", "Can't find variable: ZiteReader", "top.GLOBALS", "canvas.contentDocument", "plugin.setSuspendState",
	"instantSearchSDKJSBridgeClearHighlight",
}

// ofExtension tells whether the newest frame that says where it is belongs to
// an extension, or the message can only be one's.
func ofExtension(e *event.Event) bool {
	if len(e.Exceptions) == 0 {
		return hasMark(e.Message.Text())
	}
	last := &e.Exceptions[len(e.Exceptions)-1]
	if hasMark(last.Value) {
		return true
	}
	for i := len(last.Frames) - 1; i >= 0; i-- {
		f := &last.Frames[i]
		path := f.AbsPath
		if path == "" {
			path = f.Filename
		}
		if path == "" || path[0] == '<' || path == "[native code]" {
			continue
		}
		for _, scheme := range extensionSchemes {
			if strings.HasPrefix(path, scheme) {
				return true
			}
		}
		return false
	}
	return false
}

func hasMark(text string) bool {
	text = text[:min(len(text), maxText)]
	for _, m := range extensionMarks {
		if strings.Contains(text, m) {
			return true
		}
	}
	return false
}
