package chat;

import flash.display.Sprite;
import flash.events.FocusEvent;
import flash.events.KeyboardEvent;
import flash.events.MouseEvent;
import flash.text.TextField;
import flash.ui.Keyboard;

/**
 * Who is online. A click, or the arrow keys, choose whom to write to. Only the rows that are seen
 * exist, however many people there are.
 */
class People extends Sprite {
	/** Whom to write to; null for nobody yet. */
	public var chosen(default, null):String;

	final wide:Float;
	final tall:Float;
	final title:TextField;
	final rows:Array<Row> = [];
	final bar:ScrollBar;
	final changed:Void->Void;
	final clicked:Void->Void;
	var online:Array<Person> = [];
	var first = 0;
	var focused = false;

	/** `changed` is called when somebody else is chosen or gone; `clicked` when it was by the mouse. */
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
		draw();
	}

	public function fill(people:Array<Person>) {
		online = people;
		draw();
		changed();
	}

	public function add(who:Person) {
		drop(who.aid);
		online.push(who);
		fill(online);
	}

	public function remove(aid:String) {
		drop(aid);
		if (chosen == aid) {
			chosen = null;
		}
		fill(online);
	}

	public function pick(aid:String) {
		chosen = aid;
		draw();
		changed();
	}

	/** Nobody is known to be online. */
	public function clear() {
		chosen = null;
		first = 0;
		fill([]);
	}

	public function labelOf(aid:String):String {
		final who = Lambda.find(online, person -> person.aid == aid);
		return who == null ? aid : who.label();
	}

	function drop(aid:String) {
		online = online.filter(person -> person.aid != aid);
	}

	function key(event:KeyboardEvent) {
		final step = event.keyCode == Keyboard.DOWN ? 1 : event.keyCode == Keyboard.UP ? -1 : 0;
		if (step == 0 || online.length == 0) {
			return;
		}
		final at = Lambda.findIndex(online, person -> person.aid == chosen);
		final next = Std.int(Math.max(0, Math.min(online.length - 1, at + step)));
		first = Std.int(Math.max(next - rows.length + 1, Math.min(first, next)));
		pick(online[next].aid);
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
		title.text = "Online: " + online.length;
		first = Std.int(Math.max(0, Math.min(first, online.length - rows.length)));
		for (i in 0...rows.length) {
			final who = online[first + i];
			rows[i].show(who, who != null && who.aid == chosen);
		}
		bar.show(first, rows.length, online.length);
	}

	static inline final TOP = 32;
}

/** One line of the list. */
private class Row extends Sprite {
	final wide:Float;
	final label:TextField;
	var who:Person;
	var chosen = false;
	var over = false;

	public function new(wide:Float, click:String->Void) {
		super();
		this.wide = wide;
		label = Look.label("", 18, 1, wide - 20, 12, Look.INK);
		addChild(label);
		mouseChildren = false;
		tabEnabled = false;
		addEventListener(MouseEvent.CLICK, _ -> click(who.aid));
		addEventListener(MouseEvent.ROLL_OVER, _ -> draw(over = true));
		addEventListener(MouseEvent.ROLL_OUT, _ -> draw(over = false));
	}

	public function show(who:Person, chosen:Bool) {
		this.who = who;
		this.chosen = chosen;
		visible = who != null;
		if (visible) {
			label.text = who.label();
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
		graphics.beginFill(0x1F7A1F);
		graphics.drawCircle(10, TALL / 2, 4);
		graphics.beginFill(0x6FD66F);
		graphics.drawCircle(9.5, TALL / 2 - 0.8, 2.4);
		graphics.endFill();
	}

	public static inline final TALL = 22;
}
