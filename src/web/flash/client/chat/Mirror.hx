package chat;

import flash.Lib;

/**
 * Tells the page what appears in the movie, for screen readers: nothing else in a browser can read a
 * movie's text. A page that wants it says `mirror=yes` in FlashVars and listens for the FSCommand
 * `mirror`. (ExternalInterface would need a page that lets strings become script: Ruffle calls it so.)
 */
class Mirror {
	static var wanted = false;

	public static function start(mirror:String) {
		wanted = mirror == "yes";
	}

	public static function tell(line:String) {
		if (wanted) {
			// Flash Player makes JavaScript source of it. Percent-encoded there is nothing to break out with.
			Lib.fscommand("mirror", StringTools.urlEncode(line));
		}
	}
}
