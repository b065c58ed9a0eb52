/*M!999999\- enable the sandbox mode */ 
-- MariaDB dump 10.19  Distrib 10.11.19-MariaDB, for debian-linux-gnu (x86_64)
--
-- Host: localhost    Database: site
-- ------------------------------------------------------
-- Server version	10.11.19-MariaDB-0+deb12u1
/*!40103 SET @OLD_TIME_ZONE=@@TIME_ZONE */;
/*!40103 SET TIME_ZONE='+00:00' */;
/*!40014 SET @OLD_UNIQUE_CHECKS=@@UNIQUE_CHECKS, UNIQUE_CHECKS=0 */;
/*!40014 SET @OLD_FOREIGN_KEY_CHECKS=@@FOREIGN_KEY_CHECKS, FOREIGN_KEY_CHECKS=0 */;
/*!40101 SET @OLD_SQL_MODE=@@SQL_MODE, SQL_MODE='NO_AUTO_VALUE_ON_ZERO,ANSI' */;
/*!40111 SET @OLD_SQL_NOTES=@@SQL_NOTES, SQL_NOTES=0 */;

--
-- Table structure for table "phpbb_users"
--

DROP TABLE IF EXISTS "phpbb_users";
/*!40101 SET @saved_cs_client     = @@character_set_client */;
/*!40101 SET character_set_client = utf8mb4 */;
CREATE TABLE "phpbb_users" (
  "user_id" mediumint(8) unsigned NOT NULL AUTO_INCREMENT,
  "user_type" tinyint(2) NOT NULL DEFAULT 0 COMMENT '0 is (normal), 1; inactive',
  "username" varchar(255) NOT NULL DEFAULT '',
  "real name" varchar(255) DEFAULT NULL,
  "user_password" varbinary(255) NOT NULL DEFAULT '',
  "key" varchar(10) DEFAULT 'it''s `;',
  "points" decimal(10,2) NOT NULL DEFAULT 0.00,
  "born" date DEFAULT NULL,
  "is_active" bit(1) NOT NULL DEFAULT b'1',
  "avatar" blob DEFAULT NULL,
  "signature" text DEFAULT NULL,
  PRIMARY KEY ("user_id"),
  UNIQUE KEY "username" ("username"(100)),
  KEY "key" ("key")
);
/*!40101 SET character_set_client = @saved_cs_client */;

--
-- Dumping data for table "phpbb_users"
--

LOCK TABLES "phpbb_users" WRITE;
/*!40000 ALTER TABLE "phpbb_users" DISABLE KEYS */;
INSERT INTO "phpbb_users" VALUES
(2,0,'alice','Alice O\'Hara',0x3964643465343631323638633830333466356338353634653135356336376136,'it\'s `;',1.50,'1980-02-29',0x01,NULL,'I said: \"no\"; -- and\n\'no\''),
(3,3,'Bob,(2);','Bob \\ \"B\"',0x31316636616438656335326132393834616261616664376333623531363530333738356332303732,'it\'s `;',-2.00,NULL,0x01,0x00FF270A0D1A5C22,'/* not a comment */'),
(5,1,'Árvíz','Tükörfúrógép',0x243279243130246162636465666768696A6B6C6D6E6F7071727374757571595A304C62664A315535596F30794671467153784D416F56716557763365,'it\'s `;',0.00,'2007-07-10',0x00,'',''),
(8,0,'tab','Two\nlines	and\0 more ',0x3964643465343631323638633830333466356338353634653135356336376136,'it\'s `;',0.00,NULL,0x01,NULL,NULL),
(9,0,'nameless',NULL,0x3964643465343631323638633830333466356338353634653135356336376136,'it\'s `;',0.00,NULL,0x01,NULL,'#');
/*!40000 ALTER TABLE "phpbb_users" ENABLE KEYS */;
UNLOCK TABLES;
/*!40103 SET TIME_ZONE=@OLD_TIME_ZONE */;

/*!40101 SET SQL_MODE=@OLD_SQL_MODE */;
/*!40014 SET FOREIGN_KEY_CHECKS=@OLD_FOREIGN_KEY_CHECKS */;
/*!40014 SET UNIQUE_CHECKS=@OLD_UNIQUE_CHECKS */;
/*!40111 SET SQL_NOTES=@OLD_SQL_NOTES */;

-- Dump completed
