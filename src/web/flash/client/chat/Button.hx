package chat;

import flash.display.Sprite;
import flash.events.FocusEvent;
import flash.events.KeyboardEvent;
import flash.events.MouseEvent;
import flash.text.TextField;
import flash.text.TextFormatAlign;
import flash.ui.Keyboard;

/** A glossy button, for the mouse, Enter and the space bar. */
class Button extends Sprite {
	final wide:Float;
	final tall:Float;
	final label:TextField;
	final pressed:Void->Void;
	var over = false;
	var down = false;
	var focused = false;
	var usable = true;

	public function new(text:String, wide:Float, tall:Float, pressed:Void->Void) {
		super();
		this.wide = wide;
		this.tall = tall;
		this.pressed = pressed;
		label = Look.label(text, 0, (tall - 19) / 2, wide, 12, 0xFFFFFF, true, TextFormatAlign.CENTER);
		addChild(label);
		mouseChildren = false;
		focusRect = false;
		addEventListener(MouseEvent.ROLL_OVER, _ -> draw(over = true, down));
		addEventListener(MouseEvent.ROLL_OUT, _ -> draw(over = false, down = false));
		addEventListener(MouseEvent.MOUSE_DOWN, _ -> draw(over, down = true));
		addEventListener(MouseEvent.MOUSE_UP, _ -> draw(over, down = false));
		addEventListener(MouseEvent.CLICK, _ -> press());
		addEventListener(KeyboardEvent.KEY_DOWN, key);
		addEventListener(FocusEvent.FOCUS_IN, _ -> focus(true));
		addEventListener(FocusEvent.FOCUS_OUT, _ -> focus(false));
		enable(true);
	}

	public function enable(yes:Bool) {
		usable = yes;
		// The hand only: with buttonMode a player presses the button at Enter by itself, and some do not.
		tabEnabled = yes;
		useHandCursor = yes;
		alpha = yes ? 1 : 0.5;
		draw(over, down);
	}

	public function say(text:String) {
		label.text = text;
	}

	function press() {
		if (usable) {
			pressed();
		}
	}

	function key(event:KeyboardEvent) {
		if (event.keyCode == Keyboard.ENTER || event.keyCode == Keyboard.SPACE) {
			press();
		}
	}

	function focus(yes:Bool) {
		focused = yes;
		draw(over, down);
	}

	function draw(over:Bool, down:Bool) {
		final bright = over && usable && !down;
		graphics.clear();
		if (focused) {
			Look.box(graphics, -2, -2, wide + 4, tall + 4, 14, Look.FOCUS, Look.FOCUS);
		}
		Look.box(graphics, 0, 0, wide, tall, 10, 0x0A5347, 0x063A31);
		if (down) {
			Look.box(graphics, 1, 1, wide - 2, tall - 2, 8, 0x0B5B4D, 0x14806C);
		} else {
			Look.box(graphics, 1, 1, wide - 2, tall - 2, 8, bright ? 0x22A58C : 0x17907A, bright ? 0x0E6B5A : 0x0A5347);
			Look.gloss(graphics, 2, 2, wide - 4, tall - 4, 7);
		}
	}
}
