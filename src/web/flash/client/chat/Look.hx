package chat;

import flash.display.GradientType;
import flash.display.Graphics;
import flash.geom.Matrix;
import flash.text.TextField;
import flash.text.TextFieldType;
import flash.text.TextFormat;
import flash.text.TextFormatAlign;

/** Colours, and how things are drawn: gradients and a gloss on top, as it was done in 2007. */
class Look {
	public static inline final INK = 0x1D2421;
	public static inline final QUIET = 0x59635F;
	public static inline final TEAL = 0x0D6B5B;
	public static inline final RED = 0xA12D1B;
	public static inline final OTHER = 0x8A4B00;
	public static inline final LINE = 0xB9B0A2;
	public static inline final FOCUS = 0xE08A00;

	public static inline final WIDTH = 640;
	public static inline final HEIGHT = 420;

	/** A box whose colour runs from the top to the bottom. */
	public static function box(on:Graphics, x:Float, y:Float, width:Float, height:Float, round:Float, top:Int, bottom:Int) {
		final down = new Matrix();
		down.createGradientBox(width, height, Math.PI / 2, x, y);
		on.beginGradientFill(GradientType.LINEAR, [top, bottom], [1, 1], [0, 255], down);
		on.drawRoundRect(x, y, width, height, round, round);
		on.endFill();
	}

	/** The shine on the upper half of a box. */
	public static function gloss(on:Graphics, x:Float, y:Float, width:Float, height:Float, round:Float) {
		final down = new Matrix();
		down.createGradientBox(width, height / 2, Math.PI / 2, x, y);
		on.beginGradientFill(GradientType.LINEAR, [0xFFFFFF, 0xFFFFFF], [0.55, 0.12], [0, 255], down);
		on.drawRoundRect(x, y, width, height / 2, round, round);
		on.endFill();
	}

	/** A soft shadow, without a filter: those cost much where there is no graphics card. */
	public static function shadow(on:Graphics, x:Float, y:Float, width:Float, height:Float, round:Float) {
		for (i in 1...5) {
			on.beginFill(0x3A2C14, 0.05);
			on.drawRoundRect(x - i, y - i + 2, width + 2 * i, height + 2 * i, round + 2 * i, round + 2 * i);
			on.endFill();
		}
	}

	/** A panel with a border. */
	public static function panel(on:Graphics, x:Float, y:Float, width:Float, height:Float) {
		shadow(on, x, y, width, height, 10);
		box(on, x, y, width, height, 10, LINE, LINE);
		box(on, x + 1, y + 1, width - 2, height - 2, 8, 0xFFFFFF, 0xFBF9F5);
	}

	/** A line of text that nobody can click. */
	public static function label(text:String, x:Float, y:Float, width:Float, size:Int, color:Int, bold = false, ?align:TextFormatAlign):TextField {
		final field = new TextField();
		final look = format(size, color, bold);
		look.align = align;
		field.defaultTextFormat = look;
		field.type = TextFieldType.DYNAMIC;
		field.selectable = false;
		field.mouseEnabled = false;
		field.x = x;
		field.y = y;
		field.width = width;
		field.height = size + 10;
		field.text = text;
		return field;
	}

	public static function format(size:Int, color:Int, bold = false):TextFormat {
		return new TextFormat("_sans", size, color, bold);
	}
}
