package chat;

import flash.display.Sprite;
import flash.events.MouseEvent;
import flash.text.TextField;

/** The mark before the text of a row. */
enum Mark {
	Online;
	Gone;
	Inside;
	Outside;
	Everyone;
}

/** One line of a list. */
class Row extends Sprite {
	final wide:Float;
	final label:TextField;
	var key:String;
	/** What was here when the mouse button went down. */
	var pressed:String;
	var mark = Mark.Online;
	var chosen = false;
	var pointed = false;
	var over = false;

	public function new(wide:Float, click:String->Void) {
		super();
		this.wide = wide;
		label = Look.label("", 18, 1, wide - 20, 12, Look.INK);
		addChild(label);
		mouseChildren = false;
		tabEnabled = false;
		addEventListener(MouseEvent.MOUSE_DOWN, _ -> pressed = key);
		addEventListener(MouseEvent.CLICK, _ -> {
			// Another list may have come between.
			if (key == pressed) {
				click(key);
			}
		});
		addEventListener(MouseEvent.ROLL_OVER, _ -> draw(over = true));
		addEventListener(MouseEvent.ROLL_OUT, _ -> draw(over = false));
	}

	/** `pointed` marks the row that a key would act on. */
	public function show(key:String, text:String, mark:Mark, chosen:Bool, pointed = false) {
		this.key = key;
		this.mark = mark;
		this.chosen = chosen;
		this.pointed = pointed;
		visible = true;
		label.text = text;
		label.alpha = mark == Gone ? 0.5 : 1;
		draw(over);
	}

	public function hide() {
		key = null;
		visible = false;
	}

	function draw(over:Bool) {
		graphics.clear();
		if (pointed) {
			Look.box(graphics, -1, -1, wide + 2, TALL + 1, 8, Look.FOCUS, Look.FOCUS);
			Look.box(graphics, 0, 0, wide, TALL - 1, 6, 0xFFFFFF, 0xFFFFFF);
		}
		if (chosen) {
			Look.box(graphics, 0, 0, wide, TALL - 1, 6, 0xFFE3A6, 0xFFC95C);
		} else {
			final shade = over ? 0xECE6DB : 0xFFFFFF;
			// Transparent where nothing is to be seen, but there for the mouse.
			graphics.beginFill(shade, over ? 1 : 0);
			graphics.drawRoundRect(0, 0, wide, TALL - 1, 6, 6);
			graphics.endFill();
		}
		switch (mark) {
			case Online:
				dot(0x1F7A1F, 0x6FD66F);
			case Gone:
				dot(Look.LINE, 0xFFFFFF);
			case Everyone:
				dot(Look.OTHER, 0xFFC95C);
			case Inside:
				square(0x0A5347, 0x22A58C);
			case Outside:
				square(Look.LINE, 0xFFFFFF);
		}
	}

	function dot(edge:Int, inside:Int) {
		graphics.beginFill(edge);
		graphics.drawCircle(10, TALL / 2, 4);
		graphics.beginFill(inside);
		graphics.drawCircle(9.5, TALL / 2 - 0.8, 2.4);
		graphics.endFill();
	}

	function square(edge:Int, inside:Int) {
		graphics.beginFill(edge);
		graphics.drawRoundRect(6, TALL / 2 - 4, 8, 8, 3, 3);
		graphics.beginFill(inside);
		graphics.drawRect(8, TALL / 2 - 2, 4, 4);
		graphics.endFill();
	}

	public static inline final TALL = 22;
}
