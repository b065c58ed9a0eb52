package chat;

import flash.errors.Error;
import flash.events.DataEvent;
import flash.events.Event;
import flash.events.IOErrorEvent;
import flash.events.SecurityErrorEvent;
import flash.net.XMLSocket;
import flash.xml.XML;

/**
 * The wire: an XMLSocket, whose messages end with a NUL both ways. Commands go out as words, answers
 * come in as one XML element each.
 */
class Session {
	final audience:Audience;
	var socket:XMLSocket;
	var host:String;
	var port:Int;
	var id:String;
	var password:String;
	/** The password is a ticket, which is good for one login. */
	var once:Bool;
	var me:Person;
	/** The server has rooms. */
	var rooms = false;

	public function new(audience:Audience) {
		this.audience = audience;
	}

	/** Connects and logs in, by a password or, where it is good `once` only, by a ticket. */
	public function open(host:String, port:Int, id:String, password:String, once:Bool) {
		this.host = host;
		this.port = port;
		this.id = id;
		this.password = password;
		this.once = once;
		again();
	}

	/** Whether `again` can log in: a ticket that was sent cannot. */
	public function canReturn():Bool {
		return password != "";
	}

	/** The same once more, after the connection was lost. */
	public function again() {
		drop();
		socket = new XMLSocket();
		socket.timeout = TIMEOUT;
		socket.addEventListener(Event.CONNECT, connected);
		socket.addEventListener(Event.CLOSE, closed);
		socket.addEventListener(DataEvent.DATA, heard);
		socket.addEventListener(IOErrorEvent.IO_ERROR, broken);
		socket.addEventListener(SecurityErrorEvent.SECURITY_ERROR, forbidden);
		try {
			socket.connect(host, port);
		} catch (error:Error) {
			fail("Cannot connect to " + address() + ".");
		}
	}

	/** Says good-bye, and forgets who we were. */
	public function quit() {
		send("QUIT");
		drop();
		password = "";
	}

	/** Sends a command. */
	public function send(command:String) {
		if (socket == null) {
			return;
		}
		try {
			socket.send(command);
		} catch (error:Error) {
			fail("The connection was lost.");
		}
	}

	function connected(_) {
		final command = "IDENTIFY " + id + " " + password;
		if (once) {
			password = "";
		}
		// Before the login: the rooms of a lost connection, whose place this one takes, are kept.
		rooms = false;
		send("HELLO");
		send(command);
	}

	function closed(_) {
		// Ruffle reports a connection as soon as it begins to connect: a server that is not there closes it.
		fail(me == null ? "No answer from " + address() + "." : "The connection was lost.");
	}

	function broken(_) {
		closed(null);
	}

	function forbidden(_) {
		fail("The policy of " + address() + " does not let this movie connect.");
	}

	function heard(event:DataEvent) {
		// A server may send empty messages to keep a silent connection open.
		if (event.data == "") {
			return;
		}
		var answer:XML;
		try {
			answer = new XML(event.data);
		} catch (error:Error) {
			return;
		}
		switch (Std.string(answer.localName())) {
			case "identify":
				me = person(answer);
				audience.entered(me, rooms);
				send("LIST");
			case "hello":
				rooms = value(answer, "features").split(" ").contains("rooms");
			case "nicklist":
				audience.listed(people(answer));
			case "login":
				// Our own comes before the answer to IDENTIFY.
				if (me != null) {
					audience.came(person(answer));
				}
			case "quit":
				if (me != null) {
					audience.left(value(answer, "aid"));
				}
			case name = "msg" | "action":
				audience.said(new Message(value(answer, "aid"), value(answer, "from"), value(answer, "time"), value(answer, "msg"), name == "action",
					room(answer)));
			case "kicked":
				final reason = value(answer, "reason");
				audience.failed(reason == "" ? "The operator has closed your connection." : reason);
			case "error":
				failed(value(answer, "value"));
			default:
				final happened = eventOf(answer);
				if (happened != null && me != null) {
					follow(happened);
					audience.happened(happened);
				}
		}
	}

	/** After a change of our nick, the next login is by the new one. */
	function follow(event:RoomEvent) {
		switch (event) {
			case Renamed(old, to):
				id = id == old ? to : id;
			default:
		}
	}

	static function eventOf(answer:XML):RoomEvent {
		return switch (Std.string(answer.localName())) {
			case "nickchanged":
				Renamed(value(answer, "aid"), value(answer, "to"));
			case "join": Joined(room(answer), person(answer));
			case "part": Parted(room(answer), value(answer, "aid"), optional(answer, "by"), value(answer, "reason"));
			case "owner": Owned(room(answer), value(answer, "aid"));
			case "topic": TopicSet(room(answer), value(answer, "aid"), value(answer, "topic"));
			case "room":
				final more = Std.parseInt(value(answer, "more"));
				State(chatroom(answer, people(answer), more == null ? 0 : more));
			case "rooms":
				final rooms = answer.elements("room");
				RoomsListed([for (i in 0...rooms.length()) chatroom(rooms[i], [], Std.parseInt(value(rooms[i], "here")))]);
			default: null;
		}
	}

	static function chatroom(element:XML, members:Array<Person>, unlisted:Int):Chatroom {
		return new Chatroom(value(element, "name"), value(element, "topic"), value(element, "owner"), members, unlisted);
	}

	function failed(reason:String) {
		if (reason == REPLACED) {
			// To come back would take the place of the newer login in turn.
			drop();
			password = "";
			audience.replaced();
		} else if (me == null && reason == UNKNOWN) {
			// A server of before does not know HELLO.
			return;
		} else if (me == null) {
			send("QUIT");
			drop();
			audience.refused(once && reason == WRONG ? "This login from your site has expired or was used." : inPlainWords(reason));
		} else {
			audience.failed(inPlainWords(reason));
		}
	}

	function fail(reason:String) {
		drop();
		audience.lost(reason);
	}

	/** No event of a socket that was given up may reach us. */
	function drop() {
		me = null;
		if (socket == null) {
			return;
		}
		socket.removeEventListener(Event.CONNECT, connected);
		socket.removeEventListener(Event.CLOSE, closed);
		socket.removeEventListener(DataEvent.DATA, heard);
		socket.removeEventListener(IOErrorEvent.IO_ERROR, broken);
		socket.removeEventListener(SecurityErrorEvent.SECURITY_ERROR, forbidden);
		try {
			socket.close();
		} catch (error:Error) {
			// It was closed already.
		}
		socket = null;
	}

	function address():String {
		return host + ", port " + port;
	}

	static function inPlainWords(reason:String):String {
		return switch (reason) {
			case WRONG: "Wrong number, nick or password.";
			case "Already online.": "You are online already, somewhere else.";
			case UNKNOWN: "This server does not know that command.";
			case "User is already left.": "Not delivered: the person has left.";
			default: reason;
		}
	}

	static function person(element:XML):Person {
		return new Person(value(element, "aid"), value(element, "name"));
	}

	static function people(element:XML):Array<Person> {
		final nicks = element.elements("nick");
		return [for (i in 0...nicks.length()) person(nicks[i])];
	}

	static function room(element:XML):String {
		return optional(element, "room");
	}

	static function optional(element:XML, attribute:String):String {
		return element.attribute(attribute).length() == 0 ? null : value(element, attribute);
	}

	static function value(element:XML, attribute:String):String {
		return element.attribute(attribute).toString();
	}

	static inline final WRONG = "Identification failed.";
	static inline final UNKNOWN = "Unknown command.";

	static inline final REPLACED = "Replaced by a new login.";

	/** Milliseconds until Flash Player gives up connecting. */
	static inline final TIMEOUT = 10000;
}
