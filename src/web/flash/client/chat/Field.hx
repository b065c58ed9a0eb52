package chat;

import flash.display.Sprite;
import flash.events.FocusEvent;
import flash.events.KeyboardEvent;
import flash.text.TextField;
import flash.text.TextFieldType;
import flash.ui.Keyboard;

/** A box to write in. Enter calls `done`. */
class Field extends Sprite {
	public final input:TextField;

	final wide:Float;

	public function new(wide:Float, order:Int, longest:Int, done:Void->Void) {
		super();
		this.wide = wide;
		input = new TextField();
		input.type = TextFieldType.INPUT;
		input.defaultTextFormat = Look.format(13, Look.INK);
		input.x = 5;
		input.y = 3;
		input.width = wide - 10;
		input.height = TALL - 5;
		input.maxChars = longest;
		input.tabIndex = order;
		addChild(input);
		input.addEventListener(FocusEvent.FOCUS_IN, _ -> draw(true));
		input.addEventListener(FocusEvent.FOCUS_OUT, _ -> draw(false));
		input.addEventListener(KeyboardEvent.KEY_DOWN, (event:KeyboardEvent) -> {
			if (event.keyCode == Keyboard.ENTER) {
				done();
			}
		});
		draw(false);
	}

	public var text(get, set):String;

	function get_text():String {
		return input.text;
	}

	function set_text(text:String):String {
		return input.text = text;
	}

	/** Takes the keyboard, with the cursor at the end. */
	public function take() {
		if (stage != null) {
			stage.focus = input;
			input.setSelection(input.length, input.length);
		}
	}

	public function enable(yes:Bool) {
		input.type = yes ? TextFieldType.INPUT : TextFieldType.DYNAMIC;
		input.tabEnabled = yes;
		alpha = yes ? 1 : 0.5;
	}

	function draw(focused:Bool) {
		graphics.clear();
		final edge = focused ? Look.FOCUS : Look.LINE;
		if (focused) {
			Look.box(graphics, -1, -1, wide + 2, TALL + 2, 8, edge, edge);
		}
		Look.box(graphics, 0, 0, wide, TALL, 7, edge, edge);
		Look.box(graphics, 1, 1, wide - 2, TALL - 2, 5, 0xF3EFE8, 0xFFFFFF);
	}

	public static inline final TALL = 26;
}
