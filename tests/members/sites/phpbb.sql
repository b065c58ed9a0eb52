-- A forum on phpBB 3, as far as a dump of it is concerned: its users among other tables.
CREATE DATABASE phpbb CHARACTER SET utf8 COLLATE utf8_bin;
USE phpbb;

CREATE TABLE phpbb_users (
  user_id mediumint(8) unsigned NOT NULL AUTO_INCREMENT,
  user_type tinyint(2) NOT NULL DEFAULT 0,
  group_id mediumint(8) unsigned NOT NULL DEFAULT 3,
  user_permissions mediumtext COLLATE utf8_bin NOT NULL,
  user_ip varchar(40) COLLATE utf8_bin NOT NULL DEFAULT '',
  user_regdate int(11) unsigned NOT NULL DEFAULT 0,
  username varchar(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL DEFAULT '',
  username_clean varchar(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL DEFAULT '',
  user_password varchar(255) COLLATE utf8_bin NOT NULL DEFAULT '',
  user_passchg int(11) unsigned NOT NULL DEFAULT 0,
  user_email varchar(100) COLLATE utf8_bin NOT NULL DEFAULT '',
  user_birthday varchar(10) COLLATE utf8_bin NOT NULL DEFAULT '',
  user_lastvisit int(11) unsigned NOT NULL DEFAULT 0,
  user_posts mediumint(8) unsigned NOT NULL DEFAULT 0,
  user_lang varchar(30) COLLATE utf8_bin NOT NULL DEFAULT '',
  user_timezone decimal(5,2) NOT NULL DEFAULT 0.00,
  user_colour varchar(6) COLLATE utf8_bin NOT NULL DEFAULT '',
  user_avatar varchar(255) COLLATE utf8_bin NOT NULL DEFAULT '',
  user_sig mediumtext COLLATE utf8_bin NOT NULL,
  user_website varchar(200) COLLATE utf8_bin NOT NULL DEFAULT '',
  user_inactive_reason tinyint(2) NOT NULL DEFAULT 0,
  PRIMARY KEY (user_id),
  UNIQUE KEY username_clean (username_clean(190)),
  KEY user_birthday (user_birthday),
  KEY user_type (user_type)
);

CREATE TABLE phpbb_posts (
  post_id mediumint(8) unsigned NOT NULL AUTO_INCREMENT PRIMARY KEY,
  poster_id mediumint(8) unsigned NOT NULL DEFAULT 0,
  post_time int(11) unsigned NOT NULL DEFAULT 0,
  post_subject varchar(255) COLLATE utf8_bin NOT NULL DEFAULT '',
  post_text mediumtext CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  KEY poster_id (poster_id)
);

CREATE TABLE phpbb_config (
  config_name varchar(255) COLLATE utf8_bin NOT NULL PRIMARY KEY,
  config_value varchar(255) COLLATE utf8_bin NOT NULL DEFAULT '',
  is_dynamic tinyint(1) unsigned NOT NULL DEFAULT 0
);
INSERT INTO phpbb_config VALUES
  ('sitename', 'The board; since \'07', 0), ('version', '3.1.12', 0), ('cookie_name', 'phpbb3_x', 0),
  ('allow_name_chars', 'USERNAME_CHARS_ANY', 0), ('rand_seed', '\\\'";--', 1);

CREATE TABLE phpbb_sessions (
  session_id char(32) COLLATE utf8_bin NOT NULL PRIMARY KEY,
  session_user_id mediumint(8) unsigned NOT NULL DEFAULT 0
);
