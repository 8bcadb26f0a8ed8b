-- How texts are cut into terms has a number, so that no question asks an index that was cut otherwise. What is here
-- was cut by the first; `copilot migrate` cuts it anew where the program does it by another.
CREATE TABLE keyword_index (
    only_row bool PRIMARY KEY DEFAULT true CHECK (only_row),
    scheme   int NOT NULL
);
INSERT INTO keyword_index (scheme) VALUES (1);
GRANT SELECT ON keyword_index TO copilot_reader, copilot_writer;
