-- The site that `make` makes dumps of. The hashes are of the password "x", but for the bcrypt one, which is made up.
CREATE DATABASE site CHARACTER SET utf8mb4;
USE site;

CREATE TABLE phpbb_users (
  user_id mediumint(8) unsigned NOT NULL AUTO_INCREMENT,
  user_type tinyint(2) NOT NULL DEFAULT 0 COMMENT '0 is (normal), 1; inactive',
  username varchar(255) NOT NULL DEFAULT '',
  `real name` varchar(255) DEFAULT NULL,
  user_password varbinary(255) NOT NULL DEFAULT '',
  `key` varchar(10) DEFAULT 'it''s `;',
  points decimal(10,2) NOT NULL DEFAULT 0,
  born date DEFAULT NULL,
  is_active bit(1) NOT NULL DEFAULT b'1',
  avatar blob,
  signature text,
  PRIMARY KEY (user_id),
  UNIQUE KEY username (username(100)),
  KEY `key` (`key`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

CREATE TABLE phpbb_posts (id int PRIMARY KEY, picture mediumblob, said text);
CREATE TABLE phpbb_empty (id int, username varchar(10), password varchar(10));

INSERT INTO phpbb_users
  (user_id, user_type, username, `real name`, user_password, points, born, is_active, avatar, signature) VALUES
  (2, 0, 'alice', 'Alice O\'Hara', '9dd4e461268c8034f5c8564e155c67a6', 1.5, '1980-02-29', b'1', NULL, 'I said: "no"; -- and\n\'no\''),
  (3, 3, 'Bob,(2);', 'Bob \\ "B"', '11f6ad8ec52a2984abaafd7c3b516503785c2072', -2, NULL, b'1', x'00ff270a0d1a5c22', '/* not a comment */'),
  (5, 1, 'Árvíz', 'Tükörfúrógép', '$2y$10$abcdefghijklmnopqrstuuqYZ0LbfJ1U5Yo0yFqFqSxMAoVqeWv3e', 0, '2007-07-10', b'0', '', ''),
  (8, 0, 'tab', 'Two\nlines\tand\0 more ', '9dd4e461268c8034f5c8564e155c67a6', 0, NULL, b'1', NULL, NULL),
  (9, 0, 'nameless', NULL, '9dd4e461268c8034f5c8564e155c67a6', 0, NULL, b'1', NULL, '#');

INSERT INTO phpbb_posts VALUES
  (1, REPEAT(x'00275c0d0a1a', 20000), 'INSERT INTO `phpbb_users` VALUES (1,''x'');'),
  (2, NULL, 'it''s -- over');

CREATE VIEW names AS SELECT username AS `a;b`, 'x;' AS `c'd` FROM phpbb_users;
DELIMITER $$
CREATE TRIGGER counted BEFORE INSERT ON phpbb_posts FOR EACH ROW
BEGIN
  -- it's only a comment; really
  SET @said = CONCAT('INSERT INTO `phpbb_users` VALUES (7,''y'');', NEW.said);
  SET @more = 6 / 2;
END$$
CREATE PROCEDURE welcome(IN who int)
BEGIN
  INSERT INTO phpbb_users (user_id, username) VALUES (who, 'guest');
  SELECT "a;b";
END$$
DELIMITER ;
