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
 * Who is online. A click, or the arrow keys, choose whom to write to; nothing else does. Only the rows
 * that are seen exist, however many people there are.
 *
 * While the mouse is over the list, people who leave keep their place in it, so that no click lands on
 * somebody who has just moved there.
 */
class People extends Sprite {
	/** Whom to write to, online or not; null for nobody yet. */
	public var chosen(default, null):String;

	final wide:Float;
	final tall:Float;
	final title:TextField;
	final rows:Array<Row> = [];
	final bar:ScrollBar;
	final changed:Void->Void;
	final clicked:Void->Void;
	/** The chosen person as last seen: after leaving, too, a person has a name. */
	var partner:Person;
	/** The rows, in order of login. */
	var listed:Array<Person> = [];
	/** Nicks of rows whose people have left. */
	var gone:Array<String> = [];
	var first = 0;
	var focused = false;
	var hovered = false;

	/** `changed` is called when another person is chosen, comes or leaves; `clicked` after a choice by the mouse. */
	public function new(wide:Float, tall:Float, changed:Void->Void, clicked:Void->Void) {
		super();
		this.wide = wide;
		this.tall = tall;
		this.changed = changed;
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
		if (hovered && gone.length < rows.length) {
			gone.push(aid);
		} else {
			drop(aid);
		}
		draw();
		changed();
	}

	/** The member's own choice of whom to write to. */
	function pick(aid:String) {
		chosen = aid;
		partner = find(aid);
		draw();
		changed();
	}

	/** Nobody is known to be online. */
	public function clear() {
		chosen = null;
		partner = null;
		first = 0;
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
		first = Std.int(Math.max(next - rows.length + 1, Math.min(first, next)));
		pick(listed[next].aid);
	}

	function click(aid:String) {
		pick(aid);
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
		title.text = "Online: " + (listed.length - gone.length);
		first = Std.int(Math.max(0, Math.min(first, listed.length - rows.length)));
		for (i in 0...rows.length) {
			final who = listed[first + i];
			rows[i].show(who, who != null && who.aid == chosen, who != null && gone.contains(who.aid));
		}
		bar.show(first, rows.length, listed.length);
	}

	static inline final TOP = 32;
}

/** One line of the list. */
private class Row extends Sprite {
	final wide:Float;
	final label:TextField;
	var who:Person;
	/** The nick that was here when the mouse button went down. */
	var pressed:String;
	var chosen = false;
	var gone = false;
	var over = false;

	public function new(wide:Float, click:String->Void) {
		super();
		this.wide = wide;
		label = Look.label("", 18, 1, wide - 20, 12, Look.INK);
		addChild(label);
		mouseChildren = false;
		tabEnabled = false;
		addEventListener(MouseEvent.MOUSE_DOWN, _ -> pressed = who.aid);
		addEventListener(MouseEvent.CLICK, _ -> {
			// Another list may have come between.
			if (who.aid == pressed) {
				click(who.aid);
			}
		});
		addEventListener(MouseEvent.ROLL_OVER, _ -> draw(over = true));
		addEventListener(MouseEvent.ROLL_OUT, _ -> draw(over = false));
	}

	public function show(who:Person, chosen:Bool, gone:Bool) {
		this.who = who;
		this.chosen = chosen;
		this.gone = gone;
		visible = who != null;
		if (visible) {
			label.text = who.label();
			label.alpha = gone ? 0.5 : 1;
			draw(over);
		}
	}

	function draw(over:Bool) {
		graphics.clear();
		if (chosen) {
			Look.box(graphics, 0, 0, wide, TALL - 1, 6, 0xFFE3A6, 0xFFC95C);
		} else {
			final shade = over ? 0xECE6DB : 0xFFFFFF;
			// Transparent where nothing is to be seen, but there for the mouse.
			graphics.beginFill(shade, over ? 1 : 0);
			graphics.drawRoundRect(0, 0, wide, TALL - 1, 6, 6);
			graphics.endFill();
		}
		graphics.beginFill(gone ? Look.LINE : 0x1F7A1F);
		graphics.drawCircle(10, TALL / 2, 4);
		graphics.beginFill(gone ? 0xFFFFFF : 0x6FD66F);
		graphics.drawCircle(9.5, TALL / 2 - 0.8, 2.4);
		graphics.endFill();
	}

	public static inline final TALL = 22;
}
