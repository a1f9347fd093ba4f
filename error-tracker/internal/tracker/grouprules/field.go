package grouprules

import "strings"

// field is something about an event that a matcher looks at.
type field int

const (
	fieldType field = iota
	fieldValue
	fieldFunction
	fieldModule
	fieldPath
	fieldPackage
	fieldMessage
	fieldLevel
	fieldLogger
	fieldEnvironment
	fieldRelease
	fieldTransaction
	fieldPlatform
	fieldServer
	fieldSDK
	fieldURL
	fieldTag
)

// kind is what a field belongs to.
type kind int

const (
	ofEvent kind = iota
	ofException
	ofFrame
)

func (f field) kind() kind {
	switch f {
	case fieldType, fieldValue:
		return ofException
	case fieldFunction, fieldModule, fieldPath, fieldPackage:
		return ofFrame
	case fieldMessage, fieldLevel, fieldLogger, fieldEnvironment, fieldRelease, fieldTransaction, fieldPlatform, fieldServer, fieldSDK, fieldURL, fieldTag:
	}
	return ofEvent
}

// fields are the names of fields; the longer ones are Sentry's.
var fields = map[string]field{
	"type": fieldType, "error.type": fieldType, "value": fieldValue, "error.value": fieldValue, "message": fieldMessage,
	"function": fieldFunction, "stack.function": fieldFunction, "module": fieldModule, "stack.module": fieldModule,
	"path": fieldPath, "stack.abs_path": fieldPath, "package": fieldPackage, "stack.package": fieldPackage,
	"level": fieldLevel, "logger": fieldLogger, "environment": fieldEnvironment, "release": fieldRelease, "transaction": fieldTransaction,
	"platform": fieldPlatform, "server_name": fieldServer, "sdk": fieldSDK, "url": fieldURL,
}

// fieldNames is for people who took a wrong one.
const fieldNames = "type, value, message, function, module, path, package, level, logger, environment, release, transaction, platform, server_name, sdk, url, tags.NAME"

// fieldOf reads a field's name.
func fieldOf(name string) (f field, tag string, ok bool) {
	if tag, isTag := strings.CutPrefix(name, "tags."); isTag {
		return fieldTag, tag, tag != ""
	}
	f, ok = fields[name]
	return f, "", ok
}
