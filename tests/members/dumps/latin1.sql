/*M!999999\- enable the sandbox mode */ 
-- MariaDB dump 10.19  Distrib 10.11.19-MariaDB, for debian-linux-gnu (x86_64)
--
-- Host: localhost    Database: site
-- ------------------------------------------------------
-- Server version	10.11.19-MariaDB-0+deb12u1

/*!40101 SET @OLD_CHARACTER_SET_CLIENT=@@CHARACTER_SET_CLIENT */;
/*!40101 SET @OLD_CHARACTER_SET_RESULTS=@@CHARACTER_SET_RESULTS */;
/*!40101 SET @OLD_COLLATION_CONNECTION=@@COLLATION_CONNECTION */;
/*!40101 SET NAMES latin1 */;
/*!40103 SET @OLD_TIME_ZONE=@@TIME_ZONE */;
/*!40103 SET TIME_ZONE='+00:00' */;
/*!40014 SET @OLD_FOREIGN_KEY_CHECKS=@@FOREIGN_KEY_CHECKS, FOREIGN_KEY_CHECKS=0 */;
/*!40101 SET @OLD_SQL_MODE=@@SQL_MODE, SQL_MODE='NO_AUTO_VALUE_ON_ZERO' */;
/*!40111 SET @OLD_SQL_NOTES=@@SQL_NOTES, SQL_NOTES=0 */;

--
-- Dumping data for table `phpbb_users`
--

LOCK TABLES `phpbb_users` WRITE;
/*!40000 ALTER TABLE `phpbb_users` DISABLE KEYS */;
INSERT INTO `phpbb_users` (`user_id`, `user_type`, `username`, `real name`, `user_password`, `key`, `points`, `born`, `is_active`, `avatar`, `signature`) VALUES (2,0,'alice','Alice O\'Hara','9dd4e461268c8034f5c8564e155c67a6','it\'s `;',1.50,'1980-02-29','',NULL,'I said: \"no\"; -- and\n\'no\'');
INSERT INTO `phpbb_users` (`user_id`, `user_type`, `username`, `real name`, `user_password`, `key`, `points`, `born`, `is_active`, `avatar`, `signature`) VALUES (3,3,'Bob,(2);','Bob \\ \"B\"','11f6ad8ec52a2984abaafd7c3b516503785c2072','it\'s `;',-2.00,NULL,'','\0ÿ\'\n\r\Z\\\"','/* not a comment */');
INSERT INTO `phpbb_users` (`user_id`, `user_type`, `username`, `real name`, `user_password`, `key`, `points`, `born`, `is_active`, `avatar`, `signature`) VALUES (5,1,'Árvíz','Tükörfúrógép','$2y$10$abcdefghijklmnopqrstuuqYZ0LbfJ1U5Yo0yFqFqSxMAoVqeWv3e','it\'s `;',0.00,'2007-07-10','\0','','');
INSERT INTO `phpbb_users` (`user_id`, `user_type`, `username`, `real name`, `user_password`, `key`, `points`, `born`, `is_active`, `avatar`, `signature`) VALUES (8,0,'tab','Two\nlines	and\0 more ','9dd4e461268c8034f5c8564e155c67a6','it\'s `;',0.00,NULL,'',NULL,NULL);
INSERT INTO `phpbb_users` (`user_id`, `user_type`, `username`, `real name`, `user_password`, `key`, `points`, `born`, `is_active`, `avatar`, `signature`) VALUES (9,0,'nameless',NULL,'9dd4e461268c8034f5c8564e155c67a6','it\'s `;',0.00,NULL,'',NULL,'#');
/*!40000 ALTER TABLE `phpbb_users` ENABLE KEYS */;
UNLOCK TABLES;
/*!40103 SET TIME_ZONE=@OLD_TIME_ZONE */;

/*!40101 SET SQL_MODE=@OLD_SQL_MODE */;
/*!40014 SET FOREIGN_KEY_CHECKS=@OLD_FOREIGN_KEY_CHECKS */;
/*!40101 SET CHARACTER_SET_CLIENT=@OLD_CHARACTER_SET_CLIENT */;
/*!40101 SET CHARACTER_SET_RESULTS=@OLD_CHARACTER_SET_RESULTS */;
/*!40101 SET COLLATION_CONNECTION=@OLD_COLLATION_CONNECTION */;
/*!40111 SET SQL_NOTES=@OLD_SQL_NOTES */;

-- Dump completed
