package chat;

import flash.display.Sprite;
import flash.text.TextField;

/** Who, with which password, and on which server. */
class LoginForm extends Sprite {
	final who:Field;
	final password:Field;
	final host:Field;
	final port:Field;
	final problem:TextField;
	final button:Button;
	final enter:(host:String, port:Int, id:String, password:String) -> Void;

	public function new(origin:Origin, enter:(host:String, port:Int, id:String, password:String) -> Void) {
		super();
		this.enter = enter;
		Look.box(graphics, 0, 0, Look.WIDTH, Look.HEIGHT, 0, 0xF8F5EF, 0xDDD6CA);
		Look.panel(graphics, LEFT, TOP, 340, 260);
		addChild(Look.label("Log in to chat", LEFT + 20, TOP + 14, 300, 17, Look.TEAL, true));
		who = field("Number or nick", 50, 200, 1, 64);
		// A space ends the nick on the wire.
		who.input.restrict = "^ ";
		password = field("Password", 86, 200, 2, 256);
		password.input.displayAsPassword = true;
		host = field("Server", 122, 132, 3, 253);
		host.text = origin.host;
		port = new Field(60, 4, 5, submit);
		port.input.restrict = "0-9";
		port.text = Std.string(origin.port);
		place(port, LEFT + 260, TOP + 122);
		final hint = Look.label("host and port", LEFT + 124, TOP + 148, 200, 10, Look.QUIET);
		addChild(hint);
		button = new Button("Log in", 110, 30, submit);
		button.tabIndex = 5;
		place(button, LEFT + 120, TOP + 176);
		problem = Look.label("", LEFT + 20, TOP + 212, 300, 12, Look.RED);
		problem.multiline = problem.wordWrap = true;
		problem.height = 36;
		addChild(problem);
	}

	/** Shows the form once more, with what went wrong, and takes the keyboard. */
	public function ask(reason:String) {
		tell(reason);
		(who.text == "" ? who : password).take();
	}

	/** The same without the keyboard: what is being typed was meant for the chat, and is no password. */
	public function tell(reason:String) {
		problem.text = reason;
		button.enable(true);
	}

	/** Waits for a login by a ticket, whose number or nick is shown. */
	public function wait(id:String) {
		who.text = id;
		problem.text = "";
		button.enable(false);
	}

	/** After a login the password is not needed. */
	public function forget() {
		password.text = "";
	}

	function submit() {
		final number = Std.parseInt(port.text);
		if (who.text == "") {
			ask("The number or nick is missing.");
		} else if (password.text == "") {
			problem.text = "The password is missing.";
			password.take();
		} else if (StringTools.trim(host.text) == "") {
			problem.text = "The server is missing.";
			host.take();
		} else if (!Origin.isPort(number)) {
			problem.text = "The port is a number from 1 to 65535.";
			port.take();
		} else {
			problem.text = "";
			button.enable(false);
			enter(StringTools.trim(host.text), number, who.text, password.text);
		}
	}

	function field(name:String, y:Float, wide:Float, order:Int, longest:Int):Field {
		final text = Look.label(name, LEFT + 20, TOP + y + 3, 100, 12, Look.INK);
		addChild(text);
		final field = new Field(wide, order, longest, submit);
		place(field, LEFT + 120, TOP + y);
		return field;
	}

	function place(what:Sprite, x:Float, y:Float) {
		what.x = x;
		what.y = y;
		addChild(what);
	}

	static inline final LEFT = 150;
	static inline final TOP = 106;
}
