// A chat client in Haxe for Flash and Ruffle: `haxe --main Chat --swf chat.swf --swf-version 11` in this folder.
// It logs in, and shows what comes. The page may pass host, port, id and password as parameters of the movie.
// The server gives out the socket policy on the same port. Lines come and go as core/PROTOCOL.md says.
import flash.Lib;
import flash.events.DataEvent;
import flash.events.Event;
import flash.events.IOErrorEvent;
import flash.events.SecurityErrorEvent;
import flash.net.XMLSocket;
import flash.text.TextField;

class Chat {
	static final socket = new XMLSocket();
	static final log = new TextField();

	static function main() {
		log.width = log.height = 400;
		log.wordWrap = true;
		Lib.current.addChild(log);
		socket.addEventListener(Event.CONNECT, _ -> send("IDENTIFY " + given("id", "1") + " " + given("password", "secret1")));
		socket.addEventListener(Event.CLOSE, _ -> show("The connection is closed."));
		socket.addEventListener(IOErrorEvent.IO_ERROR, _ -> show("Cannot connect."));
		socket.addEventListener(SecurityErrorEvent.SECURITY_ERROR, _ -> show("The policy forbids it."));
		socket.addEventListener(DataEvent.DATA, (event:DataEvent) -> if (event.data != "") heard(Xml.parse(event.data).firstElement()));
		socket.connect(given("host", "localhost"), Std.parseInt(given("port", "8080")));
	}

	/** Sends a command: `MSG bob Hello`, `LIST`, `QUIT`. The socket ends it with NUL. */
	public static function send(command:String) socket.send(command);

	static function heard(answer:Xml) {
		switch answer.nodeName {
			case "identify": show("You are " + answer.get("name") + "."); send("LIST");
			case "nicklist": for (who in answer.elements()) show(who.get("name") + " is online.");
			case "login": show(answer.get("name") + " is online.");
			case "quit": show(answer.get("aid") + " left.");
			// `aid` is the sender. `from` is the recipient: a quirk of the 2007 format.
			case "msg": show(answer.get("time") + " " + answer.get("aid") + " to " + place(answer) + ": " + answer.get("msg"));
			// These come after a first command that is newer than 2007, like `JOIN #tea`.
			case "action": show(answer.get("time") + " to " + place(answer) + ": " + answer.get("aid") + " " + answer.get("msg"));
			case "nickchanged": show(answer.get("aid") + " is called " + answer.get("to") + " now.");
			case "join": show(answer.get("name") + " joined " + answer.get("room") + ".");
			case "part": show(answer.get("aid") + " left " + answer.get("room") + ".");
			case "error": show("Error: " + answer.get("value"));
			case _: // an answer of a later server
		}
	}

	/** The room that a message is for, or the member. */
	static function place(message:Xml):String return message.exists("room") ? message.get("room") : message.get("from");

	static function given(name:String, otherwise:String):String {
		final value = Reflect.field(Lib.current.loaderInfo.parameters, name);
		return value == null ? otherwise : value;
	}

	static function show(line:String) log.appendText(line + "\n");
}
