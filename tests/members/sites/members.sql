-- What somebody wrote in 2003: all in Latin-1, and no two passwords stored alike by 2020.
CREATE DATABASE members CHARACTER SET latin1;
USE members;

CREATE TABLE members (
  id int(11) NOT NULL AUTO_INCREMENT PRIMARY KEY,
  username varchar(64) COLLATE latin1_bin NOT NULL,
  realname varchar(120) DEFAULT NULL,
  pass varchar(255) NOT NULL DEFAULT '',
  salt varchar(10) DEFAULT NULL,
  email varchar(120) DEFAULT NULL,
  joined date NOT NULL DEFAULT '2003-01-01',
  enabled tinyint(1) NOT NULL DEFAULT 1,
  visits int(11) NOT NULL DEFAULT 0,
  UNIQUE KEY username (username)
);

CREATE TABLE counter (day date PRIMARY KEY, hits int(11) NOT NULL);
INSERT INTO counter VALUES ('2003-07-10', 12), ('2020-12-31', 48);
