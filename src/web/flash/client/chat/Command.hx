package chat;

/** What a typed line means. */
enum Typed {
	/** Text, or what we do, for the chosen member or room. */
	Say(text:String);
	Act(text:String);

	/** Text for somebody, who is chosen by it. */
	Write(to:String, text:String);

	/** A command of the wire. */
	Send(command:String);

	ShowTopic;
	ShowHelp;
	Leave;

	/** Nothing can be sent: what to type instead. */
	Advice(text:String);
}

/** The commands that can be typed, the same as in the terminal client. */
class Command {
	/** Reads a line; `current` is the chosen room, or null. */
	public static function read(line:String, current:String):Typed {
		final line = StringTools.trim(line);
		if (line.charAt(0) != "/") {
			return Say(line);
		}
		if (line.charAt(1) == "/") {
			return Say(line.substr(1));
		}
		final word = first(line.substr(1));
		final rest = behind(line.substr(1));
		return switch (word.toLowerCase()) {
			case "me": rest == "" ? Advice("Type /me TEXT, as in /me waves.") : Act(rest);
			case "msg":
				final text = behind(rest);
				text == "" ? Advice("Type /msg NICK TEXT, or /msg #ROOM TEXT.") : Write(first(rest), text);
			case "join": isRoom(rest) ? Send("JOIN " + rest) : Advice("Type /join #ROOM, or /join #ROOM KEY.");
			case "open": isRoom(rest) ? Send("OPEN " + rest) : Advice("Type /open #ROOM, and perhaps key=K, hidden.");
			case "part": inRoom("PART", rest, current, "/part");
			case "who": rest == "" && current == null ? Send("LIST") : inRoom("WHO", rest, current, "/who");
			case "list": Send("LIST");
			case "rooms": Send("ROOMS");
			case "nick": rest == "" ? Advice("Type /nick NEW.") : Send("NICK " + first(rest));
			case "topic": topic(rest, current);
			case "kick": kick(rest, current);
			case "help" | "?": ShowHelp;
			case "quit" | "exit": Leave;
			default: Advice("There is no command /" + word + ". Type /help for those there are, or // to begin a text with a slash.");
		}
	}

	/** The names of rooms begin with #, and no nick does. */
	public static function isRoom(name:String):Bool {
		return name != null && name.charAt(0) == "#";
	}

	static function inRoom(command:String, rest:String, current:String, typed:String):Typed {
		return if (isRoom(rest)) {
			Send(command + " " + first(rest));
		} else if (rest == "" && current != null) {
			Send(command + " " + current);
		} else {
			Advice("Type " + typed + " #ROOM.");
		}
	}

	static function topic(rest:String, current:String):Typed {
		final room = isRoom(rest) ? first(rest) : current;
		final text = isRoom(rest) ? behind(rest) : rest;
		return if (room == null) {
			Advice("Type /topic #ROOM TEXT.");
		} else if (text == "") {
			room == current ? ShowTopic : Advice("Type /topic #ROOM TEXT, or choose the room and type /topic.");
		} else {
			Send("TOPIC " + room + (text == "-" ? "" : " " + text));
		}
	}

	static function kick(rest:String, current:String):Typed {
		final room = isRoom(rest) ? first(rest) : current;
		final who = isRoom(rest) ? behind(rest) : rest;
		return room == null || who == "" ? Advice("Type /kick NICK REASON in a room of yours, or /kick #ROOM NICK REASON.") : Send("KICK " + room + " "
			+ who);
	}

	static function first(text:String):String {
		final space = text.indexOf(" ");
		return space < 0 ? text : text.substr(0, space);
	}

	static function behind(text:String):String {
		final space = text.indexOf(" ");
		return space < 0 ? "" : StringTools.trim(text.substr(space));
	}

	public static final HELP = [
		"/msg NICK TEXT, /msg #ROOM TEXT: write there. Text alone goes to the chosen name or room.",
		"/me TEXT: say what you do. //TEXT: a text that begins with a slash.",
		"/join #ROOM [KEY], /open #ROOM [key=K] [hidden], /part [#ROOM], /rooms, /who [#ROOM]",
		"/topic [#ROOM] TEXT, /topic - removes it. /kick [#ROOM] NICK [REASON]",
		"/nick NEW: change your nick. /list: ask again who is online. /quit: log out."
	];
}
