package chat;

import flash.Lib;
import flash.display.Sprite;
import flash.display.StageQuality;
import flash.display.StageScaleMode;
import flash.events.Event;

/**
 * The movie: a login form, then the chat view. It joins what is seen (LoginForm, ChatView) to what is
 * said on the wire (Session), and knows nothing of either's insides.
 *
 * FlashVars: `host` and `port` of the server (without them, where the movie was loaded from); `id` and
 * `ticket` of a member whom the site has logged in (see Pass); and `mirror` (see Mirror).
 */
class Main extends Sprite implements Audience {
	final origin:Origin;
	final session:Session;
	final form:LoginForm;
	final view:ChatView;
	final header:Header;

	static function main() {
		// The keyboard can be taken only by what is on the stage.
		final main = new Main();
		Lib.current.addChild(main);
		main.begin();
	}

	function new() {
		super();
		final movie = Lib.current.loaderInfo;
		origin = Origin.of(movie);
		Mirror.start(Reflect.field(movie.parameters, "mirror"));
		session = new Session(this);
		header = new Header(leave);
		form = new LoginForm(origin, (host, port, id, password) -> enter(host, port, id, password, false));
		view = new ChatView(session.send, again, leave);
		addChild(form);
		addChild(view);
		addChild(header);
		Lib.current.stage.scaleMode = StageScaleMode.SHOW_ALL;
		Lib.current.stage.quality = StageQuality.BEST;
		movie.addEventListener(Event.UNLOAD, _ -> session.quit());
	}

	function begin() {
		showForm();
		final pass = Pass.of(Lib.current.loaderInfo);
		if (pass == null) {
			form.ask("");
		} else {
			form.wait(pass.id);
			enter(origin.host, origin.port, pass.id, pass.ticket, true);
		}
	}

	function enter(host:String, port:Int, id:String, password:String, once:Bool) {
		header.status("Connecting…", false);
		session.open(host, port, id, password, once);
	}

	/** After the connection was lost: by the password, which is still known, or by the form. */
	function again() {
		if (session.canReturn()) {
			session.again();
		} else {
			showForm();
			form.ask("");
		}
	}

	function leave() {
		session.quit();
		view.forget();
		showForm();
		form.ask("");
	}

	function showForm() {
		view.visible = false;
		form.visible = true;
		header.status("", false);
	}

	public function entered(me:Person, rooms:Bool) {
		final again = view.remembers(me);
		form.visible = false;
		form.forget();
		view.visible = true;
		header.status(me.label(), true);
		view.enter(me, again, rooms);
	}

	public function refused(reason:String) {
		if (!view.visible) {
			showForm();
			form.ask(reason);
			Mirror.tell(reason);
		} else if (session.canReturn()) {
			view.lost(reason, "Reconnect");
		} else {
			view.lost(reason + " Log in again, or load this page again from your site.", "Log in");
		}
	}

	public function replaced() {
		final reason = "You have logged in somewhere else, so you were logged out here.";
		showForm();
		form.tell(reason);
		Mirror.tell(reason);
	}

	public function lost(reason:String) {
		header.status("not connected", view.visible);
		refused(reason);
	}

	public function failed(reason:String) {
		view.failed(reason);
	}

	public function listed(people:Array<Person>) {
		view.listed(people);
	}

	public function came(who:Person) {
		view.came(who);
	}

	public function left(aid:String) {
		view.left(aid);
	}

	public function said(message:Message) {
		view.said(message);
	}

	public function happened(event:RoomEvent) {
		view.happened(event);
		header.status(view.me.label(), true);
	}
}
