package chat;

import flash.Lib;
import flash.display.Sprite;
import flash.text.TextField;

/** The chat: what was said, who is online, and a line to write in. */
class ChatView extends Sprite {
	public final people:People;

	final transcript:Transcript;
	final line:Field;
	final to:TextField;
	final button:Button;
	final say:(recipient:String, text:String) -> Void;
	final again:Void->Void;
	var me:Person;
	var here = false;
	/** Nicks of the people who were here when the connection was lost. */
	var before:Array<String> = [];
	/** Until then their return is no news: the server may have cut them off, too. */
	var quietUntil = 0;

	public function new(say:(recipient:String, text:String) -> Void, again:Void->Void) {
		super();
		this.say = say;
		this.again = again;
		Look.box(graphics, 0, 0, Look.WIDTH, Look.HEIGHT, 0, 0xF8F5EF, 0xDDD6CA);
		transcript = place(new Transcript(440, 290), 10, 56);
		// Who clicks a name goes on to type, and must not have to click a second time for it.
		people = place(new People(170, 290, recipientChanged, () -> line.take()), 460, 56);
		people.tabIndex = 30;
		to = Look.label("", 12, 353, 430, 12, Look.QUIET);
		addChild(to);
		line = place(new Field(520, 10, LONGEST, submit), 10, 378);
		button = place(new Button("Send", 90, 28, submit), 540, 377);
		button.tabIndex = 20;
	}

	/** Whether this member was here before, and has not logged out. */
	public function remembers(who:Person):Bool {
		return me != null && me.aid == who.aid;
	}

	/** After a log-out, the next member gets an empty room. */
	public function forget() {
		me = null;
	}

	public function enter(me:Person, again:Bool) {
		this.me = me;
		here = true;
		if (again) {
			note("You are back.");
			quietUntil = Lib.getTimer() + ALL_BACK_AFTER;
		} else {
			transcript.clear();
			people.clear();
			line.text = "";
			note("Welcome, " + me.label() + ".");
		}
		button.say("Send");
		button.enable(true);
		line.enable(true);
		recipientChanged();
		line.take();
	}

	/** The connection is gone, or could not be made again; the button, which says `wayBack`, calls `again`. */
	public function lost(reason:String, wayBack:String) {
		before = here ? people.nicks() : before;
		here = false;
		complain(reason);
		line.enable(false);
		button.say(wayBack);
		button.enable(true);
		people.fill([]);
		stage.focus = button;
	}

	public function failed(reason:String) {
		complain(reason);
	}

	public function came(who:Person) {
		people.add(who);
		if (!before.remove(who.aid) || Lib.getTimer() > quietUntil) {
			note(who.label() + " has come.");
		}
	}

	public function left(aid:String) {
		note(people.labelOf(aid) + " has left.");
		people.remove(aid);
	}

	/** Shows a message. It never changes whom the line is for: that is the member's own choice. */

	public function said(message:Message) {
		final mine = message.sender == me.aid;
		final to = mine ? "you to " + message.recipient + ": " : "";
		final who = message.action ? to + message.sender + " " : mine ? to : message.sender + ": ";
		transcript.add("[" + message.time + "] " + who, mine ? Look.TEAL : Look.OTHER, message.text, Look.INK);
	}

	function note(text:String) {
		transcript.add("", Look.QUIET, text, Look.QUIET);
	}

	function complain(text:String) {
		transcript.add("", Look.RED, text, Look.RED);
	}

	function submit() {
		if (!here) {
			button.enable(false);
			note("Connecting…");
			again();
		} else if (people.chosen == null) {
			complain("Choose whom to write to: click a name.");
		} else if (!people.isOnline(people.chosen)) {
			complain("Not sent: " + people.labelOf(people.chosen) + " has left. Click a name to write to someone else.");
		} else if (StringTools.trim(line.text) != "") {
			say(people.chosen, line.text);
			line.text = "";
			line.take();
		}
	}

	function recipientChanged() {
		if (!here) {
			to.text = "Not connected";
		} else if (people.chosen == null) {
			to.text = "Click a name to write to someone.";
		} else {
			final gone = people.isOnline(people.chosen) ? "" : ", who has left";
			to.text = "To: " + people.labelOf(people.chosen) + gone;
		}
	}

	function place<T:Sprite>(what:T, x:Float, y:Float):T {
		what.x = x;
		what.y = y;
		addChild(what);
		return what;
	}

	/** Characters; at three or four bytes each they fit the 8,192 bytes of a command. */
	static inline final LONGEST = 2000;

	/** Milliseconds after which everybody is back who waits for a server that restarts. */
	static inline final ALL_BACK_AFTER = 60000;
}
