-- As the other tables of the ledger, leaves refer to no label by a foreign key: to check it locks the label's row for
-- each record that is sealed, while others write under the same label. Entries have the labels that are there, which are
-- never taken back; and verification compares those of entries and leaves.
ALTER TABLE ledger_leaves DROP CONSTRAINT ledger_leaves_label_id_fkey;
