package chat;

import flash.display.Sprite;
import flash.events.Event;
import flash.events.MouseEvent;

/** A bar that shows which part of a list is seen, and moves it. Positions are whole lines. */
class ScrollBar extends Sprite {
	var tall:Float;
	final moved:Int->Void;
	final thumb:Sprite;
	var first = 0;
	var seen = 1;
	var all = 1;
	var grip = 0.0;

	public function new(tall:Float, moved:Int->Void) {
		super();
		this.moved = moved;
		thumb = new Sprite();
		thumb.mouseChildren = false;
		addChild(thumb);
		addEventListener(MouseEvent.MOUSE_DOWN, grab);
		resize(tall);
	}

	public function resize(tall:Float) {
		this.tall = tall;
		graphics.clear();
		Look.box(graphics, 0, 0, WIDE, tall, WIDE, 0xE4DED3, 0xF3EFE8);
		show(first, seen, all);
	}

	/** The first line seen, how many are seen, how many there are. */
	public function show(first:Int, seen:Int, all:Int) {
		this.first = first;
		this.seen = seen;
		this.all = all;
		visible = all > seen;
		if (!visible) {
			return;
		}
		final length = Math.max(20, tall * seen / all);
		thumb.graphics.clear();
		Look.box(thumb.graphics, 0, 0, WIDE, length, WIDE, 0x4DB09C, 0x14806C);
		Look.gloss(thumb.graphics, 1, 1, WIDE - 2, length, WIDE - 2);
		thumb.y = (tall - length) * first / (all - seen);
	}

	/** Moves by so many lines. */
	public function scroll(lines:Int) {
		to(first + lines);
	}

	function grab(_) {
		// Beside the thumb, it jumps there.
		grip = mouseY >= thumb.y && mouseY <= thumb.y + thumb.height ? mouseY - thumb.y : thumb.height / 2;
		stage.addEventListener(MouseEvent.MOUSE_MOVE, drag);
		stage.addEventListener(MouseEvent.MOUSE_UP, release);
		drag(null);
	}

	function drag(_) {
		final way = tall - thumb.height;
		if (way > 0) {
			to(Math.round((mouseY - grip) / way * (all - seen)));
		}
	}

	function release(event:Event) {
		stage.removeEventListener(MouseEvent.MOUSE_MOVE, drag);
		stage.removeEventListener(MouseEvent.MOUSE_UP, release);
	}

	function to(line:Int) {
		final line = Std.int(Math.max(0, Math.min(all - seen, line)));
		if (line != first) {
			show(line, seen, all);
			moved(line);
		}
	}

	public static inline final WIDE = 9;
}
