package sqlite

import "github.com/monlight/monlight/error-tracker/internal/tracker/event"

// The functions in this file come in pairs, and the numbers in them are the
// file format: add at the end, never change one.

func writeEvent(e *encoder, v *event.Event) {
	if !v.ID.IsZero() {
		e.element(1, string(v.ID[:]))
	}
	e.text(2, v.Project)
	e.time(3, v.ReceivedAt)
	e.time(4, v.OccurredAt)
	e.text(5, v.Platform)
	e.text(6, v.Level)
	e.text(7, v.Logger)
	e.text(8, v.Transaction)
	e.text(9, v.ServerName)
	e.text(10, v.Environment)
	e.text(11, v.Release)
	e.text(12, v.Dist)
	e.text(13, v.Message.Template)
	e.text(14, v.Message.Formatted)
	e.json(15, v.Message.Params)
	for i := range v.Exceptions {
		m := e.open(16)
		writeException(e, &v.Exceptions[i])
		e.close(m)
	}
	for i := range v.Threads {
		m := e.open(17)
		writeThread(e, &v.Threads[i])
		e.close(m)
	}
	e.text(18, v.Traceback)
	for i := range v.Breadcrumbs {
		m := e.open(19)
		writeBreadcrumb(e, &v.Breadcrumbs[i])
		e.close(m)
	}
	e.text(20, v.User.ID)
	e.text(21, v.User.Email)
	e.text(22, v.User.Username)
	e.text(23, v.User.IP)
	e.json(24, v.User.Data)
	writeTags(e, 25, v.Tags)
	for i := range v.Contexts {
		m := e.open(26)
		e.text(1, v.Contexts[i].Name)
		e.json(2, v.Contexts[i].Data)
		e.close(m)
	}
	e.text(27, v.Request.Method)
	e.text(28, v.Request.URL)
	e.text(29, v.Request.Query)
	e.json(30, v.Request.Headers)
	e.json(31, v.Request.Cookies)
	e.json(32, v.Request.Body)
	e.json(33, v.Request.Env)
	e.json(34, v.Extra)
	writeTags(e, 35, v.Modules)
	e.text(36, v.SDK.Name)
	e.text(37, v.SDK.Version)
	for i := range v.DebugImages {
		m := e.open(38)
		e.text(1, v.DebugImages[i].Type)
		e.text(2, v.DebugImages[i].CodeFile)
		e.text(3, v.DebugImages[i].DebugID)
		e.close(m)
	}
	e.texts(39, v.Fingerprint)
	e.texts(40, v.SDK.Integrations)
	writeTags(e, 41, v.SDK.Packages)
	for i := range v.Attachments {
		m := e.open(42)
		writeAttachment(e, &v.Attachments[i])
		e.close(m)
	}
	for i := range v.Marks {
		m := e.open(43)
		e.text(1, v.Marks[i].Path)
		e.text(2, v.Marks[i].Note)
		e.close(m)
	}
}

func readEvent(v *event.Event, f *field) (err error) {
	switch f.number {
	case 1:
		copy(v.ID[:], f.message.b)
	case 2:
		v.Project = f.text()
	case 3:
		v.ReceivedAt, err = f.time()
	case 4:
		v.OccurredAt, err = f.time()
	case 5:
		v.Platform = f.text()
	case 6:
		v.Level = f.text()
	case 7:
		v.Logger = f.text()
	case 8:
		v.Transaction = f.text()
	case 9:
		v.ServerName = f.text()
	case 10:
		v.Environment = f.text()
	case 11:
		v.Release = f.text()
	case 12:
		v.Dist = f.text()
	case 13:
		v.Message.Template = f.text()
	case 14:
		v.Message.Formatted = f.text()
	case 15:
		v.Message.Params = f.json()
	case 16:
		err = one(&v.Exceptions, f, readException)
	case 17:
		err = one(&v.Threads, f, readThread)
	case 18:
		v.Traceback = f.text()
	case 19:
		err = one(&v.Breadcrumbs, f, readBreadcrumb)
	case 20:
		v.User.ID = f.text()
	case 21:
		v.User.Email = f.text()
	case 22:
		v.User.Username = f.text()
	case 23:
		v.User.IP = f.text()
	case 24:
		v.User.Data = f.json()
	case 25:
		err = one(&v.Tags, f, readTag)
	case 26:
		err = one(&v.Contexts, f, readContext)
	case 27:
		v.Request.Method = f.text()
	case 28:
		v.Request.URL = f.text()
	case 29:
		v.Request.Query = f.text()
	case 30:
		v.Request.Headers = f.json()
	case 31:
		v.Request.Cookies = f.json()
	case 32:
		v.Request.Body = f.json()
	case 33:
		v.Request.Env = f.json()
	case 34:
		v.Extra = f.json()
	case 35:
		err = one(&v.Modules, f, readTag)
	case 36:
		v.SDK.Name = f.text()
	case 37:
		v.SDK.Version = f.text()
	case 38:
		err = one(&v.DebugImages, f, readDebugImage)
	case 39:
		v.Fingerprint = append(v.Fingerprint, f.text())
	case 40:
		v.SDK.Integrations = append(v.SDK.Integrations, f.text())
	case 41:
		err = one(&v.SDK.Packages, f, readTag)
	case 42:
		err = one(&v.Attachments, f, readAttachment)
	case 43:
		err = one(&v.Marks, f, readMark)
	}
	return err
}

func writeException(e *encoder, v *event.Exception) {
	e.text(1, v.Type)
	e.text(2, v.Value)
	e.text(3, v.Module)
	e.text(4, v.Mechanism.Type)
	e.optionalFlag(5, v.Mechanism.Handled)
	e.flag(6, v.Mechanism.Synthetic)
	e.flag(7, v.Mechanism.IsGroup)
	e.optionalNumber(8, v.Mechanism.ExceptionID)
	e.optionalNumber(9, v.Mechanism.ParentID)
	e.text(10, v.Mechanism.Source)
	writeFrames(e, 11, v.Frames)
	e.text(12, v.Mechanism.Data)
}

func readException(v *event.Exception, f *field) (err error) {
	switch f.number {
	case 1:
		v.Type = f.text()
	case 2:
		v.Value = f.text()
	case 3:
		v.Module = f.text()
	case 4:
		v.Mechanism.Type = f.text()
	case 5:
		v.Mechanism.Handled = f.optionalFlag()
	case 6:
		v.Mechanism.Synthetic = f.flag()
	case 7:
		v.Mechanism.IsGroup = f.flag()
	case 8:
		v.Mechanism.ExceptionID = f.optionalInt()
	case 9:
		v.Mechanism.ParentID = f.optionalInt()
	case 10:
		v.Mechanism.Source = f.text()
	case 11:
		err = one(&v.Frames, f, readFrame)
	case 12:
		v.Mechanism.Data = f.text()
	}
	return err
}

func writeFrames(e *encoder, field int, frames []event.Frame) {
	for i := range frames {
		m := e.open(field)
		writeFrame(e, &frames[i])
		e.close(m)
	}
}

func writeFrame(e *encoder, v *event.Frame) {
	e.text(1, v.Function)
	e.text(2, v.RawFunction)
	e.text(3, v.Module)
	e.text(4, v.Filename)
	e.text(5, v.AbsPath)
	e.number(6, v.Line)
	e.number(7, v.Column)
	e.optionalFlag(8, v.InApp)
	e.text(9, v.ContextLine)
	e.texts(10, v.PreContext)
	e.texts(11, v.PostContext)
	for i := range v.Vars {
		m := e.open(12)
		e.text(1, v.Vars[i].Name)
		e.json(2, v.Vars[i].Value)
		e.close(m)
	}
	e.text(13, v.Package)
	e.text(14, v.Platform)
	e.text(15, v.DebugID)
	e.text(16, v.Address)
	e.text(17, v.SourceMap)
}

func readFrame(v *event.Frame, f *field) (err error) {
	switch f.number {
	case 1:
		v.Function = f.text()
	case 2:
		v.RawFunction = f.text()
	case 3:
		v.Module = f.text()
	case 4:
		v.Filename = f.text()
	case 5:
		v.AbsPath = f.text()
	case 6:
		v.Line = f.int()
	case 7:
		v.Column = f.int()
	case 8:
		v.InApp = f.optionalFlag()
	case 9:
		v.ContextLine = f.text()
	case 10:
		v.PreContext = append(v.PreContext, f.text())
	case 11:
		v.PostContext = append(v.PostContext, f.text())
	case 12:
		err = one(&v.Vars, f, readVar)
	case 13:
		v.Package = f.text()
	case 14:
		v.Platform = f.text()
	case 15:
		v.DebugID = f.text()
	case 16:
		v.Address = f.text()
	case 17:
		v.SourceMap = f.text()
	}
	return err
}

func readVar(v *event.Var, f *field) error {
	switch f.number {
	case 1:
		v.Name = f.text()
	case 2:
		v.Value = f.json()
	}
	return nil
}

func writeThread(e *encoder, v *event.Thread) {
	e.text(1, v.ID)
	e.text(2, v.Name)
	e.flag(3, v.Crashed)
	e.flag(4, v.Current)
	writeFrames(e, 5, v.Frames)
}

func readThread(v *event.Thread, f *field) (err error) {
	switch f.number {
	case 1:
		v.ID = f.text()
	case 2:
		v.Name = f.text()
	case 3:
		v.Crashed = f.flag()
	case 4:
		v.Current = f.flag()
	case 5:
		err = one(&v.Frames, f, readFrame)
	}
	return err
}

func writeBreadcrumb(e *encoder, v *event.Breadcrumb) {
	e.time(1, v.At)
	e.text(2, v.Type)
	e.text(3, v.Category)
	e.text(4, v.Level)
	e.text(5, v.Message)
	e.json(6, v.Data)
}

func readBreadcrumb(v *event.Breadcrumb, f *field) (err error) {
	switch f.number {
	case 1:
		v.At, err = f.time()
	case 2:
		v.Type = f.text()
	case 3:
		v.Category = f.text()
	case 4:
		v.Level = f.text()
	case 5:
		v.Message = f.text()
	case 6:
		v.Data = f.json()
	}
	return err
}

func writeTags(e *encoder, field int, tags []event.Tag) {
	for i := range tags {
		m := e.open(field)
		e.text(1, tags[i].Name)
		e.text(2, tags[i].Value)
		e.close(m)
	}
}

func readTag(v *event.Tag, f *field) error {
	switch f.number {
	case 1:
		v.Name = f.text()
	case 2:
		v.Value = f.text()
	}
	return nil
}

func readContext(v *event.Context, f *field) error {
	switch f.number {
	case 1:
		v.Name = f.text()
	case 2:
		v.Data = f.json()
	}
	return nil
}

func readDebugImage(v *event.DebugImage, f *field) error {
	switch f.number {
	case 1:
		v.Type = f.text()
	case 2:
		v.CodeFile = f.text()
	case 3:
		v.DebugID = f.text()
	}
	return nil
}

func writeAttachment(e *encoder, v *event.Attachment) {
	e.text(1, v.Name)
	e.text(2, v.ContentType)
	e.text(3, v.Kind)
	e.number(4, v.Size)
	e.json(5, v.Data)
}

func readAttachment(v *event.Attachment, f *field) error {
	switch f.number {
	case 1:
		v.Name = f.text()
	case 2:
		v.ContentType = f.text()
	case 3:
		v.Kind = f.text()
	case 4:
		v.Size = f.int()
	case 5:
		v.Data = f.json()
	}
	return nil
}

func readMark(v *event.Mark, f *field) error {
	switch f.number {
	case 1:
		v.Path = f.text()
	case 2:
		v.Note = f.text()
	}
	return nil
}
