package chat;

import flash.Lib;
import flash.display.Sprite;
import flash.events.Event;
import flash.events.FocusEvent;
import flash.events.KeyboardEvent;
import flash.events.MouseEvent;
import flash.text.TextField;
import flash.ui.Keyboard;

/**
 * Who is online, or in a room. A click, or the arrow keys, choose whom to write to; nothing else does. Only the
 * rows that are seen exist, however many people there are.
 *
 * While the mouse is over the list, people who leave keep their place in it, so that no click lands on
 * somebody who has just moved there.
 */
class People extends Sprite {
	/** Whom to write to, online or not; null for nobody yet. */
	public var chosen(default, null):String;

	final wide:Float;
	var tall:Float;
	final title:TextField;
	final rows:Array<Row> = [];
	final bar:ScrollBar;
	final changed:Void->Void;
	final picked:String->Void;
	final clicked:Void->Void;
	/** The room whose members these are; null for everyone. */
	var room:Chatroom;
	/** The number of rows that are seen. */
	var seen:Int;
	/** The chosen person as last seen: after leaving, too, a person has a name. */
	var partner:Person;
	/** The rows, in order of login. */
	var listed:Array<Person> = [];
	/** Nicks of rows whose people have left. */
	var gone:Array<String> = [];
	var first = 0;
	var focused = false;
	var hovered = false;

	/**
	 * `changed` is called when a person comes or leaves; `picked` gets the nick of a choice, and after one by the
	 * mouse `clicked` is called.
	 */
	public function new(wide:Float, tall:Float, changed:Void->Void, picked:String->Void, clicked:Void->Void) {
		super();
		this.wide = wide;
		this.tall = tall;
		this.changed = changed;
		this.picked = picked;
		this.clicked = clicked;
		title = Look.label("", 10, 5, wide - 20, 12, 0xFFFFFF, true);
		addChild(title);
		for (i in 0...Std.int((tall - TOP - 6) / Row.TALL)) {
			final row = new Row(wide - 24, click);
			row.x = 5;
			row.y = TOP + i * Row.TALL;
			rows.push(row);
			addChild(row);
		}
		seen = rows.length;
		bar = new ScrollBar(tall - TOP - 8, line -> {
			first = line;
			draw();
		});
		bar.x = wide - 16;
		bar.y = TOP;
		addChild(bar);
		tabEnabled = true;
		focusRect = false;
		addEventListener(MouseEvent.MOUSE_WHEEL, (event:MouseEvent) -> bar.scroll(event.delta > 0 ? -2 : 2));
		addEventListener(KeyboardEvent.KEY_DOWN, key);
		addEventListener(FocusEvent.FOCUS_IN, _ -> focus(true));
		addEventListener(FocusEvent.FOCUS_OUT, _ -> focus(false));
		addEventListener(MouseEvent.ROLL_OVER, _ -> hovered = true);
		addEventListener(MouseEvent.ROLL_OUT, _ -> tidy());
		// A mouse that leaves the movie at once leaves no row first.
		Lib.current.stage.addEventListener(Event.MOUSE_LEAVE, _ -> tidy());
		draw();
	}

	/** Leaves space below the list, or takes it back. */
	public function resize(tall:Float) {
		this.tall = tall;
		seen = Std.int((tall - TOP - 6) / Row.TALL);
		bar.resize(tall - TOP - 8);
		draw();
	}

	/** Shows the members of a room, as they are now. */
	public function look(room:Chatroom) {
		this.room = room;
		fill(room.members.copy());
	}

	/** Takes the list of all who are online. */
	public function fill(people:Array<Person>) {
		listed = people;
		gone = [];
		final again = find(chosen);
		partner = again == null ? partner : again;
		draw();
		changed();
	}

	public function add(who:Person) {
		final at = Lambda.findIndex(listed, person -> person.aid == who.aid);
		gone.remove(who.aid);
		if (at >= 0 && hovered) {
			listed[at] = who;
		} else {
			drop(who.aid);
			listed.push(who);
		}
		partner = who.aid == chosen ? who : partner;
		draw();
		changed();
	}

	public function remove(aid:String) {
		if (hovered && gone.length < seen) {
			gone.push(aid);
		} else {
			drop(aid);
		}
		draw();
		changed();
	}

	/** Marks the person to write to; null for nobody. */
	public function choose(aid:String) {
		chosen = aid;
		final who = find(aid);
		partner = who == null && partner != null && partner.aid == aid ? partner : who;
		draw();
	}

	/** A person has another nick, and keeps the row. */
	public function rename(old:String, to:String) {
		listed = listed.map(person -> person.aid == old ? person.renamed(to) : person);
		gone = gone.map(aid -> aid == old ? to : aid);
		if (partner != null && partner.aid == old) {
			partner = partner.renamed(to);
		}
		chosen = chosen == old ? to : chosen;
		draw();
	}

	/** Nobody is known to be online. */
	public function clear() {
		chosen = null;
		partner = null;
		first = 0;
		room = null;
		fill([]);
	}

	/** The nicks of all who are online. */
	public function nicks():Array<String> {
		return [for (person in listed) if (!gone.contains(person.aid)) person.aid];
	}

	public function isOnline(aid:String):Bool {
		return find(aid) != null && !gone.contains(aid);
	}

	public function labelOf(aid:String):String {
		final who = partner != null && partner.aid == aid ? partner : find(aid);
		return who == null ? aid : who.label();
	}

	function find(aid:String):Person {
		return Lambda.find(listed, person -> person.aid == aid);
	}

	function drop(aid:String) {
		listed = listed.filter(person -> person.aid != aid);
	}

	/** The mouse is elsewhere: the rows of those who left can go. */
	function tidy() {
		hovered = false;
		listed = listed.filter(person -> !gone.contains(person.aid));
		gone = [];
		draw();
	}

	function key(event:KeyboardEvent) {
		final step = event.keyCode == Keyboard.DOWN ? 1 : event.keyCode == Keyboard.UP ? -1 : 0;
		if (step == 0 || listed.length == 0) {
			return;
		}
		final at = Lambda.findIndex(listed, person -> person.aid == chosen);
		final next = Std.int(Math.max(0, Math.min(listed.length - 1, at + step)));
		first = Std.int(Math.max(next - seen + 1, Math.min(first, next)));
		picked(listed[next].aid);
	}

	function click(aid:String) {
		picked(aid);
		clicked();
	}

	function focus(yes:Bool) {
		focused = yes;
		draw();
	}

	function draw() {
		graphics.clear();
		if (focused) {
			Look.box(graphics, -2, -2, wide + 4, tall + 4, 13, Look.FOCUS, Look.FOCUS);
		}
		Look.panel(graphics, 0, 0, wide, tall);
		Look.box(graphics, 1, 1, wide - 2, 26, 8, 0x17907A, 0x0A5347);
		Look.gloss(graphics, 2, 2, wide - 4, 24, 7);
		final there = listed.length - gone.length;
		title.text = room == null ? "Online: " + there : (there + room.unlisted) + " in " + room.name;
		first = Std.int(Math.max(0, Math.min(first, listed.length - seen)));
		for (i in 0...rows.length) {
			final who = i < seen ? listed[first + i] : null;
			if (who == null) {
				rows[i].hide();
			} else {
				final owner = room != null && room.owner == who.aid ? "owner: " : "";
				rows[i].show(who.aid, owner + who.label(), gone.contains(who.aid) ? Gone : Online, who.aid == chosen);
			}
		}
		bar.show(first, seen, listed.length);
	}

	static inline final TOP = 32;
}
