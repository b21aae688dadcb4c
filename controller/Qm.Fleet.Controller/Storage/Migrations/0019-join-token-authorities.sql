-- What a node that has the token knows the controller by: SHA-256 of the keys of the authorities in force when it was made, separated by lines; empty for one that is older than this column.
alter table join_tokens add column authorities text not null default '';
