package chat;

import flash.display.Sprite;
import flash.text.TextField;
import flash.text.TextFormatAlign;

/** The bar on top: whose program it is, who is logged in, and the way out. */
class Header extends Sprite {
	final who:TextField;
	final out:Button;

	public function new(leave:Void->Void) {
		super();
		Look.box(graphics, 0, 0, Look.WIDTH, TALL, 0, 0x17907A, 0x0A5347);
		Look.gloss(graphics, 0, 0, Look.WIDTH, TALL - 2, 0);
		Look.box(graphics, 0, TALL, Look.WIDTH, 2, 0, Look.FOCUS, 0xC97400);
		bolt();
		addChild(Look.label("flashgate", 40, 7, 200, 20, 0x06352D, true));
		addChild(Look.label("flashgate", 39, 6, 200, 20, 0xFFFFFF, true));
		who = Look.label("", 220, 12, 320, 12, 0xE9F5F1, false, TextFormatAlign.RIGHT);
		addChild(who);
		out = new Button("Log out", 78, 26, leave);
		out.x = Look.WIDTH - 88;
		out.y = 9;
		out.tabIndex = 40;
		addChild(out);
	}

	/** Who we are, and whether there is a way out. */
	public function status(text:String, inside:Bool) {
		who.text = text;
		out.visible = inside;
		who.x = inside ? 220 : 308;
	}

	function bolt() {
		for (shade in [0x06352D, 0xFFC247]) {
			final o = shade == 0x06352D ? 1 : 0;
			graphics.beginFill(shade);
			graphics.moveTo(26 + o, 7 + o);
			graphics.lineTo(13 + o, 25 + o);
			graphics.lineTo(21 + o, 25 + o);
			graphics.lineTo(17 + o, 38 + o);
			graphics.lineTo(32 + o, 19 + o);
			graphics.lineTo(23 + o, 19 + o);
			graphics.lineTo(26 + o, 7 + o);
			graphics.endFill();
		}
	}

	public static inline final TALL = 44;
}
