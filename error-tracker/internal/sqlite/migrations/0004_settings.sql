-- What people chose for a project, as JSON; without a row all is as it comes.
CREATE TABLE project_settings (
  project_id INTEGER PRIMARY KEY,
  settings   TEXT NOT NULL
) STRICT;
