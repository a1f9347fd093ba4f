-- How often the settings of a project were changed, so that of two people who
-- change them at once the second one is told.
ALTER TABLE project_settings ADD COLUMN version INTEGER NOT NULL DEFAULT 1;
