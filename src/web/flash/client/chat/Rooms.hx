package chat;

import chat.Row.Mark;
import flash.display.Sprite;
import flash.events.FocusEvent;
import flash.events.KeyboardEvent;
import flash.events.MouseEvent;
import flash.text.TextField;
import flash.ui.Keyboard;

/** A line in the list of rooms. */
typedef Entry = {
	/** The room; null for everyone. */
	final room:String;

	final text:String;
	final mark:Mark;
	final chosen:Bool;
}

/**
 * The rooms: everyone, the rooms that we are in, and the others. A click acts on a row. So does Enter on the
 * row that the arrow keys point to: to pass a room must not enter it.
 */
class Rooms extends Sprite {
	final wide:Float;
	final tall:Float;
	final title:TextField;
	final rows:Array<Row> = [];
	final bar:ScrollBar;
	final act:String->Void;
	var entries:Array<Entry> = [];
	var first = 0;
	var at = 0;
	var focused = false;

	/** `act` gets the room of a row; `looked` is called when somebody begins to look at the list. */
	public function new(wide:Float, tall:Float, act:String->Void, looked:Void->Void) {
		super();
		this.wide = wide;
		this.tall = tall;
		this.act = act;
		title = Look.label("Rooms", 10, 5, wide - 20, 12, 0xFFFFFF, true);
		addChild(title);
		for (i in 0...Std.int((tall - TOP - 6) / Row.TALL)) {
			final row = new Row(wide - 24, act);
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
		addEventListener(MouseEvent.MOUSE_WHEEL, (event:MouseEvent) -> bar.scroll(event.delta > 0 ? -1 : 1));
		addEventListener(MouseEvent.ROLL_OVER, _ -> looked());
		addEventListener(KeyboardEvent.KEY_DOWN, key);
		addEventListener(FocusEvent.FOCUS_IN, _ -> {
			looked();
			focus(true);
		});
		addEventListener(FocusEvent.FOCUS_OUT, _ -> focus(false));
		draw();
	}

	public function show(entries:Array<Entry>) {
		// The row that a key would act on stays the same room.
		final room = at < this.entries.length ? this.entries[at].room : null;
		final again = Lambda.findIndex(entries, entry -> entry.room == room);
		this.entries = entries;
		at = again < 0 ? 0 : again;
		draw();
	}

	function key(event:KeyboardEvent) {
		switch (event.keyCode) {
			case Keyboard.DOWN:
				at = Std.int(Math.min(entries.length - 1, at + 1));
			case Keyboard.UP:
				at = Std.int(Math.max(0, at - 1));
			case Keyboard.ENTER | Keyboard.SPACE:
				if (at < entries.length) {
					act(entries[at].room);
				}
			default:
		}
		first = Std.int(Math.max(at - rows.length + 1, Math.min(first, at)));
		draw();
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
		first = Std.int(Math.max(0, Math.min(first, entries.length - rows.length)));
		for (i in 0...rows.length) {
			final entry = entries[first + i];
			if (entry == null) {
				rows[i].hide();
			} else {
				rows[i].show(entry.room, entry.text, entry.mark, entry.chosen, focused && first + i == at);
			}
		}
		bar.show(first, rows.length, entries.length);
	}

	static inline final TOP = 32;
}
