package chat;

import flash.Lib;
import flash.display.Sprite;
import flash.display.StageQuality;
import flash.display.StageScaleMode;
import flash.events.Event;

/**
 * The movie: a login form, then the chat room. It joins what is seen (LoginForm, Room) to what is
 * said on the wire (Session), and knows nothing of either's insides.
 *
 * FlashVars: `host` and `port` of the server (without them, where the movie was loaded from), and
 * `mirror` (see Mirror).
 */
class Main extends Sprite implements Audience {
	final session:Session;
	final form:LoginForm;
	final room:Room;
	final header:Header;

	static function main() {
		// The keyboard can be taken only by what is on the stage.
		final main = new Main();
		Lib.current.addChild(main);
		main.showForm("");
	}

	function new() {
		super();
		final movie = Lib.current.loaderInfo;
		final origin = Origin.of(movie);
		Mirror.start(Reflect.field(movie.parameters, "mirror"));
		session = new Session(this);
		header = new Header(leave);
		form = new LoginForm(origin, enter);
		room = new Room(session.say, session.again);
		addChild(form);
		addChild(room);
		addChild(header);
		Lib.current.stage.scaleMode = StageScaleMode.SHOW_ALL;
		Lib.current.stage.quality = StageQuality.BEST;
		movie.addEventListener(Event.UNLOAD, _ -> session.quit());
	}

	function enter(host:String, port:Int, id:String, password:String) {
		header.status("Connecting…", false);
		session.open(host, port, id, password);
	}

	function leave() {
		session.quit();
		showForm("");
	}

	function showForm(problem:String) {
		room.visible = false;
		form.visible = true;
		header.status("", false);
		form.ask(problem);
		if (problem != "") {
			Mirror.tell(problem);
		}
	}

	public function entered(me:Person) {
		final again = room.visible;
		form.visible = false;
		form.forget();
		room.visible = true;
		header.status(me.label(), true);
		room.enter(me, again);
	}

	public function refused(reason:String) {
		if (room.visible) {
			room.lost(reason);
		} else {
			showForm(reason);
		}
	}

	public function lost(reason:String) {
		header.status("not connected", room.visible);
		refused(reason);
	}

	public function failed(reason:String) {
		room.failed(reason);
	}

	public function listed(people:Array<Person>) {
		room.people.fill(people);
	}

	public function came(who:Person) {
		room.came(who);
	}

	public function left(aid:String) {
		room.left(aid);
	}

	public function said(message:Message) {
		room.said(message);
	}
}
