package main

// mutations are the safeties, in the order of the table in docs/reliability.md.
var mutations = []mutation{
	{
		row: "A1", what: "an answer before the commit: a batch is answered, then committed",
		file:   "shared/sqlitedb/writer.go",
		old:    "\tif err := w.conn.exec(\"COMMIT\"); err != nil {\n\t\tw.failBatch(fmt.Errorf(\"COMMIT: %w\", err))\n\t\tw.reset()\n\t\treturn\n\t}\n",
		new:    "\tfor _, r := range w.batch {\n\t\tr.done <- struct{}{}\n\t}\n\tw.batch = w.batch[:0]\n\ttime.Sleep(10 * time.Millisecond)\n\tif err := w.conn.exec(\"COMMIT\"); err != nil {\n\t\tw.reset()\n\t}\n\treturn\n",
		module: "e2e", pkg: "./promises", test: "TestKillsLoseAndDoubleNothing/log-viewer", testAsRunning: "log-viewer",
	},
	{
		row: "A2", what: "event ids are not remembered: what is sent again counts again",
		file: "error-tracker/internal/sqlite/record.go", old: "case !fresh:\n\t\t\treturn duplicate(tx, r.eventKey)", new: "case !fresh:\n",
		module: "error-tracker", pkg: "./internal/sentry", test: "TestAnEventThatIsSentAgainCountsOnce",
	},
	{
		row: "A2", what: "the copy before goes before the new one is whole",
		file: "shared/sqlitedb/backup.go", old: "\tif err := tmp.Truncate(0); err != nil {\n", new: "\t_ = os.Remove(dst)\n\tif err := tmp.Truncate(0); err != nil {\n",
		module: "e2e", pkg: "./promises", test: "TestABackupIsKilledAtEverySystemCall/log-viewer", testAsRunning: "log-viewer",
	},
	{
		row: "A3", what: "`synchronous=FULL` is `NORMAL`",
		file: "shared/sqlitedb/conn.go", old: `"synchronous=FULL"`, new: `"synchronous=NORMAL"`,
		module: "e2e", pkg: "./promises", test: "TestPowerCutsLoseNothing",
	},
	{
		row: "A4", what: "a full disk has no kind of its own: 500 instead of 503",
		file: "shared/sqlitedb/errors.go", old: "\tcase sqlite3.SQLITE_FULL:\n\t\treturn unavailable(err, retryDisk, \"the disk is full\")\n", new: "",
		module: "e2e", pkg: "./promises", test: "TestAFullDiskIsRefusedAndLeftBehind/metrics-collector", testAsRunning: "metrics-collector",
	},
	{
		row: "A4", what: "no floor: the disk is filled to the last page",
		file: "shared/sqlitedb/floor.go", old: "low := f.near(db, free)", new: "low := false && f.near(db, free)",
		module: "shared", pkg: "./sqlitedb", test: "TestTheFloorKeepsRoomForRetention",
	},
	{
		row: "A5", what: "an error at COMMIT is not told to who waits",
		file: "shared/sqlitedb/writer.go", old: "\tfor _, r := range w.batch {\n\t\tw.answer(r, err)\n\t}\n", new: "\tfor _, r := range w.batch {\n\t\tw.answer(r, nil)\n\t}\n",
		module: "e2e", pkg: "./promises", test: "TestAFailedSyncIsNoFalseAnswer",
	},
	{
		row: "A6", what: "the pages of a database are not looked at when it is opened",
		file: "shared/sqlitedb/inspect.go", old: "\treturn inspectPages(ctx, c, path, o)\n", new: "\treturn nil\n",
		module: "shared", pkg: "./sqlitedb", test: "TestADamagedFileIsRefusedAndLeftAlone",
	},
	{
		row: "A7", what: "a copy is not checked before it replaces the one before",
		file: "shared/sqlitedb/backup.go", old: "if err := checkFile(ctx, tmp.Name()); err != nil {", new: "if err := error(nil); err != nil {",
		module: "shared", pkg: "./sqlitedb", test: "TestACopyThatIsNotGoodReplacesNothing",
	},
	{
		row: "A7", what: "who makes a copy keeps others from writing",
		file: "shared/sqlitedb/backup.go", old: "\tif err := backup(ctx, src, dst); err != nil {\n", new: "\tlock, err := openConn(src)\n\tif err != nil {\n\t\treturn err\n\t}\n\tdefer lock.close()\n\tif err := lock.exec(\"BEGIN IMMEDIATE\"); err != nil {\n\t\treturn err\n\t}\n\tif err := backup(ctx, src, dst); err != nil {\n",
		module: "e2e", pkg: "./promises", test: "TestWritesDoNotWaitForACopy", testAsRunning: "error-tracker",
	},
	{
		row: "A8", what: "newer databases are opened",
		file: "shared/sqlitedb/inspect.go", old: "case version > int64(newest):", new: "case version > int64(newest)+1000:",
		module: "e2e", pkg: "./promises", test: "TestNewerDatabasesAreRefused",
	},
	{
		row: "A8", what: "a migration is no transaction",
		file: "shared/sqlitedb/migrate.go", old: "\tif err := c.exec(\"BEGIN IMMEDIATE\"); err != nil {\n\t\treturn err\n\t}\n\terr := func() error {", new: "\terr := func() error {",
		also:   [][2]string{{"return c.exec(\"COMMIT\")", "return nil"}},
		module: "shared", pkg: "./sqlitedb", test: "TestAKillInAMigrationLeavesTheOldOrTheNew|TestAMigrationThatFailsLeavesTheVersionBefore",
	},
	{
		row: "A10", what: "snapshots may be read for ever",
		file: "shared/sqlitedb/snapshot.go", old: "if time.Now().After(s.end) {", new: "if false && time.Now().After(s.end) {",
		module: "shared", pkg: "./sqlitedb", test: "TestSnapshotEndsAtItsLimits", hangs: true,
	},
	{
		row: "A11", what: "the place in a log file is not kept with its lines",
		file: "log-viewer/internal/sqlite/append.go", old: "\t\t\t_, err = tx.Exec(put, c.Key, c.State)\n", new: "\t\t\t_ = put\n",
		module: "e2e", pkg: ".", test: "TestEveryLineOfAContainerIsStoredOnce", testAsRunning: "log-viewer",
	},
	{
		row: "A12", what: "series without limit",
		file: "metrics-collector/internal/metrics/index.go", old: "return x.count >= x.limits.Series || x.projects[project] >= x.limits.SeriesPerProject ||", new: "return false && x.projects[project] >= x.limits.SeriesPerProject ||\n\t\tfalse &&",
		module: "metrics-collector", pkg: "./internal/httpapi", test: "TestSeriesFloodIsBounded",
	},
	{
		row: "A12", what: "more log entries than are kept wait for the next run of retention",
		file: "log-viewer/internal/sqlite/append.go", old: "\tif s.spare < 0 {\n", new: "\tif false && s.spare < 0 {\n",
		module: "log-viewer", pkg: "./internal/sqlite", test: "TestTooManyEntriesDoNotWaitForTheNextRun",
	},
	{
		row: "A12", what: "a transaction takes writes in as long as they come",
		file: "shared/sqlitedb/writer.go", old: "len(w.batch) == maxBatch || time.Since(start) > maxBatchTime", new: "len(w.batch) == maxBatch || time.Since(start) > 100*maxBatchTime",
		module: "shared", pkg: "./sqlitedb", test: "TestNoTransactionGoesOnForLong",
	},
	{
		row: "A12", what: "the commit that fills the write-ahead log moves it into the file",
		file: "shared/sqlitedb/conn.go", old: "\t\"wal_autocheckpoint=0\", // see writer.checkpoint\n", new: "",
		module: "shared", pkg: "./sqlitedb", test: "TestNoCommitWaitsForACheckpoint",
	},
	{
		row: "A12", what: "a flush saves the times of all series at once",
		file: "metrics-collector/internal/metrics/pack.go", old: "len(listed) < mostLate", new: "len(listed) < 1000*mostLate",
		module: "metrics-collector", pkg: "./internal/sqlite", test: "TestAFlushSavesTheTimesOfSomeSeries",
	},
	{
		row: "B1", what: "no time limit for reading requests",
		file: "shared/server/run.go", old: "\t\t\tReadHeaderTimeout: o.times.readHeader,\n\t\t\tReadTimeout:       o.times.read,\n", new: "",
		module: "e2e", pkg: "./promises", test: "TestSlowClientsHurtNobodyAndAreDropped",
	},
	{
		row: "B1", what: "an address has no share of the connections",
		file: "shared/server/conns.go", old: "case n >= l.max/2 && l.clients[c.client] >= l.max/8 && !l.isProxy(addr):", new: "case n >= l.max/2 && l.clients[c.client] < 0 && !l.isProxy(addr):",
		module: "shared", pkg: "./server", test: "TestConnectionsOfTheGreedyAreRefusedFirst",
	},
	{
		row: "B2", what: "bodies are limited before decompression only",
		file: "shared/server/body.go", old: "if b.read > b.limit {", new: "if b.read > b.limit && b.encoding == nil {",
		module: "shared", pkg: "./server", test: "TestBodyLimits|TestGzipBombCostsLittle",
	},
	{
		row: "B3", what: "JSON may be nested without limit",
		file: "shared/jsonpull/parser.go", old: "if p.depth == p.maxDepth {", new: "if p.depth == -1 {",
		module: "shared", pkg: "./jsonpull", test: "TestNestingHasALimit",
	},
	{
		row: "B5", what: "searches without a deadline",
		file: "log-viewer/internal/sqlite/search.go", old: "return context.WithTimeout(ctx, d)", new: "return context.WithCancel(ctx)",
		module: "log-viewer", pkg: "./internal/sqlite", test: "TestASearchEndsInTime",
	},
	{
		row: "B5", what: "regular expressions of any number of steps",
		file: "log-viewer/internal/logs/regex.go", old: "p.program += len(prog.Inst); p.program > maxRegexProgram", new: "p.program += len(prog.Inst); p.program < 0",
		module: "log-viewer", pkg: "./internal/logs", test: "TestExpressionsAreBounded",
	},
	{
		row: "B5", what: "expressions look at all of an entry, however long",
		file: "log-viewer/internal/logs/regex.go", old: "text[:min(len(text), maxRegexText)]", new: "text",
		module: "log-viewer", pkg: "./internal/logs", test: "TestExpressionsAreBounded",
	},
	{
		row: "B5", what: "a piece of a pattern is looked for at more and more places of a longer text",
		file: "error-tracker/internal/tracker/glob/glob.go", old: "\t\tif n = p.find(folded); n < 0 {\n\t\t\treturn false\n\t\t}\n", new: "\t\tn = p.find(folded)\n\t\tfor i := 4096; i < len(folded); i += 4096 {\n\t\t\t_ = p.find(folded[i:])\n\t\t}\n\t\tif n < 0 {\n\t\t\treturn false\n\t\t}\n",
		module: "error-tracker", pkg: "./internal/tracker", test: "TestHostileEventsTakeLinearTime",
	},
	{
		row: "B6", what: "who finds the write queue full waits",
		file: "shared/sqlitedb/writer.go", old: "\tdefault:\n\t\tdb.w.stats.refusedQueue.Add(1)\n\t\treturn errs.RetryIn(errs.Unavailable, retryQueueFull, \"too many writes are waiting, the limit is %d\", cap(db.w.queue))\n", new: "\tcase <-time.After(time.Minute):\n\t\treturn errs.RetryIn(errs.Unavailable, retryQueueFull, \"%d\", cap(db.w.queue))\n",
		module: "shared", pkg: "./sqlitedb", test: "TestAFullQueueRefusesAtOnce",
	},
	{
		row: "B7", what: "columns of open blocks do not count in their cache",
		file: "log-viewer/internal/block/column.go", old: "return itself + 8*cap(c.nums) + 4*cap(c.ends)", new: "return itself",
		module: "log-viewer", pkg: "./internal/block", test: "TestBytesIsWhatABlockTakes",
	},
	{
		row: "B7", what: "connections of snapshots have SQLite's own bound of pages in memory",
		file: "shared/sqlitedb/snapshot.go", old: "openConn(path, pragmas...)", new: "openConn(path, readerPragmas...)",
		module: "shared", pkg: "./sqlitedb", test: "TestAllReadersHaveTheSameBoundOfMemory",
	},
	{
		row: "B8", what: "live streams without a deadline for writing",
		file: "log-viewer/internal/httpapi/tail.go", old: "if err := s.control.SetWriteDeadline(time.Now().Add(s.limit)); err != nil {", new: "if err := s.control.SetWriteDeadline(time.Time{}); err != nil {",
		module: "log-viewer", pkg: "./internal/httpapi", test: "TestClientsThatDoNotReadAreCut",
	},
	{
		row: "B8", what: "no limit for what a client does not confirm",
		file: "shared/server/listen.go", old: "return limitUnanswered(c, goneAfter) // connections inherit it", new: "_ = limitUnanswered\n\t\t\treturn nil",
		module: "e2e", pkg: "./promises", test: "TestClientsThatVanishGiveTheirPlacesBack", testAsRunning: "log-viewer",
	},
	{
		row: "B8", what: "clients that are silent are asked after 15 s, as Go does",
		file: "shared/server/listen.go", old: "KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: goneIdle, Interval: goneStep, Count: int((goneAfter - goneIdle) / goneStep)},\n", new: "",
		module: "shared", pkg: "./server", test: "TestConnectionsNoticeThatTheirClientIsGone",
	},
	{
		row: "B9", what: "the relay follows redirects of the services behind it",
		file: "shared/outbound/outbound.go", old: "\t\tCheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },\n", new: "",
		module: "browser-relay", pkg: ".", test: "TestBadUpstreams",
	},
	{
		row: "B9", what: "pages wait for a slow service behind the relay as long as it takes",
		file: "browser-relay/internal/relay/service.go", old: "quick = 1500 * time.Millisecond", new: "quick = time.Minute",
		module: "e2e", pkg: "./promises", test: "TestPagesDoNotWaitForADeadUpstream", testAsRunning: "browser-relay",
	},
	{
		row: "B10", what: "mails without a budget",
		file: "error-tracker/internal/tracker/alerting/composer.go", old: "return c.Budget - len(c.singles)", new: "return 1 << 20",
		module: "error-tracker", pkg: "./internal/tracker/alerting", test: "TestStormMakesAHandfulOfMails",
	},
	{
		row: "B11", what: "SIGTERM cuts requests",
		file: "shared/server/run.go", old: "if f.server.Shutdown(drain) != nil {", new: "if f.server.Close(); drain.Err() != nil {",
		module: "shared", pkg: "./server", test: "TestStopUnderLoadCutsNoRequest|TestStopIsInOrderAndRequestsFinish",
	},
	{
		row: "B12", what: "panics are not caught",
		file: "shared/problem/handler.go", old: "\tp := recover()\n", new: "\tvar p any\n",
		module: "shared", pkg: "./problem", test: "TestPanicBecomesOne500",
	},
	{
		row: "C1", what: "messages are not escaped in the list of issues",
		file: "error-tracker/internal/webui/issues.go", old: "\tMessage   string\n", new: "\tMessage   template.HTML\n",
		also:   [][2]string{{"Message: webui.Line(i.Message, 200), Where", "Message: template.HTML(webui.Line(i.Message, 200)), Where"}, {"import (\n", "import (\n\t\"html/template\"\n"}},
		module: "error-tracker", pkg: "./internal/webui", test: "TestTextIsOnlyText",
	},
	{
		row: "C1", what: "addresses in events become links whatever their scheme",
		file: "shared/webui/text.go", old: "if !strings.HasPrefix(low, \"http://\") && low != \"https://\" {", new: "if low == \"-\" {",
		module: "error-tracker", pkg: "./internal/webui", test: "TestLinksOfReportsAreSafe|TestTextIsOnlyText",
	},
	{
		row: "C2", what: "the policy allows inline scripts",
		file: "shared/server/headers.go", old: "script-src 'self';", new: "script-src 'self' 'unsafe-inline';",
		module: "e2e", pkg: "./promises", test: "TestEveryAnswerHasTheHeadersThatProtectIt",
	},
	{
		row: "C3", what: "changes by cookie from any site",
		file: "shared/auth/guard.go", old: "if err := g.cross.Check(r); err != nil {", new: "if err := error(nil); err != nil {",
		module: "error-tracker", pkg: ".", test: "TestNoRouteTakesChangesFromForeignPages",
	},
	{
		row: "C4", what: "the API without its guard",
		file: "error-tracker/routes.go", old: "\t\tr.Use(keyed...)\n", new: "\t\t_ = keyed\n",
		module: "error-tracker", pkg: ".", test: "TestEveryOtherRouteNeedsTheKey",
	},
	{
		row: "C4", what: "the key that can only read changes things",
		file: "shared/auth/guard.go", old: "if as.readOnly && !g.options.Reads(r) {", new: "if false {",
		module: "error-tracker", pkg: ".", test: "TestTheReadKeyChangesNothing",
	},
	{
		row: "C4", what: "a read session becomes a full one when it is renewed",
		file: "shared/auth/guard.go", old: "g.setCookie(w, r, as, renewed)", new: "g.setCookie(w, r, &g.roles[0], renewed)",
		module: "shared", pkg: "./auth", test: "TestARenewedReadSessionOnlyReads",
	},
	{
		row: "C5", what: "a key in the address is taken",
		file: "shared/auth/guard.go", old: "\tif keys := r.Header[headerName]; keys != nil {\n", new: "\tif k := r.URL.Query().Get(\"api_key\"); k != \"\" && g.options.Key.Match(k) {\n\t\treturn caller{name: \"key\"}, nil\n\t}\n\tif keys := r.Header[headerName]; keys != nil {\n",
		module: "e2e", pkg: "./promises", test: "TestKeysInAddressesAndProbes",
	},
	{
		row: "C6", what: "wrong keys without limit",
		file: "shared/auth/guard.go", old: "if ok, wait := g.wrong.Allow(clientip.Key(r)); !ok {", new: "if ok, wait := clientip.Key(r) != \"\", time.Second; !ok {",
		module: "e2e", pkg: "./promises", test: "TestAddressesThatClientsClaimAreNotBelieved",
	},
	{
		row: "C8", what: "addresses that any client claims are believed",
		file: "shared/clientip/clientip.go", old: "if within(trusted, addr) {\n\t\t\t\tif client", new: "if true {\n\t\t\t\tif client",
		module: "e2e", pkg: "./promises", test: "TestAddressesThatClientsClaimAreNotBelieved",
	},
	{
		row: "C9", what: "an origin is allowed when it begins like an entry",
		file: "shared/origin/origin.go", old: "return entry == origin\n", new: "return strings.HasPrefix(origin, entry)\n",
		module: "shared", pkg: "./origin", test: "TestAllows",
	},
	{
		row: "C10", what: "any address may be called",
		file: "shared/outbound/outbound.go", old: "\t\t\treturn p.check(address)\n", new: "\t\t\treturn nil\n",
		module: "shared", pkg: "./outbound", test: "TestNoSpellingLeadsInside|TestANameThatChangesItsMeaning",
	},
	{
		row: "C10", what: "IPv6 addresses that stand for an IPv4 one are judged by themselves",
		file: "shared/outbound/address.go", old: "\tswitch {\n\tcase b == [16]byte{15: 1}: // ::1", new: "\tswitch {\n\tcase true:\n\tcase b == [16]byte{15: 1}: // ::1",
		module: "shared", pkg: "./outbound", test: "TestAddressesAreJudged",
	},
	{
		row: "C10", what: "redirects are followed, to wherever",
		file: "shared/outbound/outbound.go", old: "\t\tCheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },\n", new: "",
		module: "shared", pkg: "./outbound", test: "TestRedirectsAreNotFollowed",
	},
	{
		row: "C10", what: "answers without end are read",
		file: "shared/outbound/outbound.go", old: "\tres.Body = http.MaxBytesReader(nil, res.Body, b.limit)\n", new: "\tres.Body = http.MaxBytesReader(nil, res.Body, 1<<30)\n",
		module: "shared", pkg: "./outbound", test: "TestAnswersHaveAnEnd",
	},
	{
		row: "C11", what: "what was opened may be another file than the one that was looked at",
		file: "log-viewer/internal/docker/container.go", old: "!os.SameFile(before, after)", new: "!os.SameFile(after, after)",
		module: "log-viewer", pkg: "./internal/docker", test: "TestAFileThatIsSwappedForALink",
	},
	{
		row: "C11", what: "pipes and devices are opened",
		file: "log-viewer/internal/docker/container.go", old: "if !before.Mode().IsRegular() {", new: "if false {",
		module: "log-viewer", pkg: "./internal/docker", test: "TestOnlyRegularFilesAreOpened",
	},
	{
		row: "C11", what: "links among the files of a log stand for one of them",
		file: "log-viewer/internal/docker/segment.go", old: "if !ok || !e.Type().IsRegular() {", new: "if !ok {",
		module: "log-viewer", pkg: "./internal/docker", test: "TestLinksToOtherContainersAreNotRead",
	},
	{
		row: "C11", what: "a link to the folder of a container is a container",
		file: "log-viewer/internal/docker/container.go", old: "if e.IsDir() && len(name)", new: "if len(name)",
		module: "log-viewer", pkg: "./internal/docker", test: "TestLinksToOtherContainersAreNotRead",
	},
	{
		row: "C13", what: "texts in the log are not cut",
		file: "shared/logging/logging.go", old: "if len(s) <= limit {", new: "if true {",
		module: "shared", pkg: "./logging", test: "TestHostileTextsStayInTheirLine",
	},
	{
		row: "C14", what: "secrets print",
		file: "shared/config/secret.go", old: "func (Secret) LogValue() slog.Value { return slog.StringValue(redacted) }", new: "func (s Secret) LogValue() slog.Value { return slog.StringValue(s.text) }",
		module: "shared", pkg: "./config", test: "TestSecretNeverPrints",
	},
	{
		row: "C15", what: "secrets in events stay",
		file: "error-tracker/internal/tracker/scrub/scrub.go", old: "\tif s.off {\n\t\treturn\n", new: "\tif true {\n\t\treturn\n",
		module: "error-tracker", pkg: "./internal/tracker/scrub", test: "TestTexts|TestNames",
	},
	{
		row: "C15", what: "what is deleted is not overwritten",
		file: "shared/sqlitedb/conn.go", old: "\t\"secure_delete=FAST\",\n", new: "\t\"secure_delete=OFF\",\n",
		module: "e2e", pkg: ".", test: "TestWhatIsDeletedLeavesTheFiles", testAsRunning: "error-tracker",
	},
	{
		row: "C15", what: "pages of forgotten series stay in the file",
		file: "metrics-collector/internal/sqlite/write.go", old: "{ return s.db.Compact(ctx) }", new: "{ return true, nil }",
		module: "metrics-collector", pkg: "./internal/sqlite", test: "TestWhatIsForgottenLeavesTheFile",
	},
	{
		row: "C15", what: "free pages of a log viewer stay until they are many",
		file: "log-viewer/internal/sqlite/retain.go", old: "all := left && ", new: "all := false && left && ",
		module: "log-viewer", pkg: "./internal/sqlite", test: "TestWhatRetentionRemovesLeavesTheFile",
	},
	{
		row: "C15", what: "pages of what a relay has delivered stay in the file",
		file: "browser-relay/internal/worker/upkeep.go", old: "for err == nil && ctx.Err() == nil {", new: "for false && ctx.Err() == nil {",
		module: "e2e", pkg: ".", test: "TestWhatIsDeliveredLeavesTheFiles", testAsRunning: "browser-relay",
	},
	{
		row: "C17", what: "mail goes in clear when TLS is required and not offered",
		file: "error-tracker/internal/smtp/client.go", old: "case c.policy == Required:", new: "case false:",
		module: "error-tracker", pkg: "./internal/smtp", test: "TestRequiredTLSNeverSendsInClear",
	},
	{
		row: "D8", what: "short keys are taken",
		file: "shared/config/keys.go", old: "if len(key) < minSecretChars {", new: "if false {",
		module: "shared", pkg: "./config", test: "TestSecretsThatAnybodyCouldGuessAreRefused",
	},
}
