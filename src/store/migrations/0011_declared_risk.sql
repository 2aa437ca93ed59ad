-- How bad it is where a rule stops something, as whoever wrote it declares.
ALTER TABLE rules ADD COLUMN risk TEXT;
