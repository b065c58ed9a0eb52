package chat;

import flash.display.Sprite;
import flash.events.Event;
import flash.text.TextField;

/** What was said and what happened. Text stays text: nothing here reads markup. */
class Transcript extends Sprite {
	final field:TextField;
	final bar:ScrollBar;
	final inside:Int;

	public function new(wide:Float, tall:Float) {
		super();
		Look.panel(graphics, 0, 0, wide, tall);
		field = new TextField();
		field.defaultTextFormat = Look.format(12, Look.INK);
		field.multiline = field.wordWrap = true;
		field.x = 8;
		field.y = 6;
		field.width = wide - 28;
		field.height = tall - 12;
		field.tabEnabled = false;
		addChild(field);
		inside = Std.int(tall - 12);
		bar = new ScrollBar(tall - 16, line -> field.scrollV = line + 1);
		bar.x = wide - 16;
		bar.y = 8;
		addChild(bar);
		field.addEventListener(Event.SCROLL, _ -> follow());
	}

	public function clear() {
		field.text = "";
		follow();
	}

	/** One line: when and who in a colour, then what. */
	public function add(head:String, color:Int, text:String, textColor:Int) {
		final line = head + plain(text);
		final place = field.scrollV;
		final reading = place < field.maxScrollV;
		final start = field.length;
		field.appendText(start == 0 ? line : "\r" + line);
		final from = start == 0 ? 0 : start + 1;
		if (head != "") {
			field.setTextFormat(Look.format(12, color, true), from, from + head.length);
		}
		if (field.length > from + head.length) {
			field.setTextFormat(Look.format(12, textColor), from + head.length, field.length);
		}
		forgetTheOldest();
		// Whoever scrolled up to read is left there. A change of text scrolls to the top in some players.
		field.scrollV = reading ? place : field.maxScrollV;
		follow();
		Mirror.tell(line);
	}

	function forgetTheOldest() {
		if (field.length > MOST) {
			final end = field.text.indexOf("\r", field.length - KEPT);
			field.replaceText(0, end < 0 ? field.length - KEPT : end + 1, "");
		}
	}

	function follow() {
		final seen = field.bottomScrollV - field.scrollV + 1;
		bar.show(field.scrollV - 1, seen, field.maxScrollV - 1 + seen);
	}

	/**
	 * A message of several lines must not look like lines of others: what follows a line break is
	 * indented. Characters that turn the direction of writing are left out, for the same reason.
	 */
	static function plain(text:String):String {
		final out = new StringBuf();
		var i = 0;
		while (i < text.length) {
			final code = text.charCodeAt(i++);
			switch (code) {
				case 13 | 10 | 0x2028 | 0x2029:
					if (code == 13 && text.charCodeAt(i) == 10) {
						i++;
					}
					out.add("\r        ");
				case 0x202A | 0x202B | 0x202C | 0x202D | 0x202E | 0x2066 | 0x2067 | 0x2068 | 0x2069:
				default:
					out.addChar(code);
			}
		}
		return out.toString();
	}

	/** Characters at most; a text field that grows for ever makes the movie slow. */
	static inline final MOST = 40000;

	/** Characters left when it is too many, so that not every line has to move all of them. */
	static inline final KEPT = 30000;
}
