package chat;

import flash.display.LoaderInfo;

/**
 * A ticket in FlashVars: the page knows the member and has had a ticket made, so that no password is
 * needed. `id` may be left out, since a ticket names its member's number.
 */
class Pass {
	public final id:String;
	public final ticket:String;

	function new(id:String, ticket:String) {
		this.id = id;
		this.ticket = ticket;
	}

	/**
	 * A ticket in the address of the movie itself is ignored: anybody can write a link, and a link must
	 * not log a visitor in as another member.
	 */
	public static function of(movie:LoaderInfo):Pass {
		final ticket:String = Reflect.field(movie.parameters, "ticket");
		if (ticket == null || !SHAPE.match(ticket) || hasTicket(movie.url)) {
			return null;
		}
		final number = SHAPE.matched(1);
		final id:String = Reflect.field(movie.parameters, "id");
		return new Pass(id != null && WORD.match(id) ? id : number, ticket);
	}

	/** The player decodes the names of parameters, so `%74icket=` is one, too. */
	static function hasTicket(address:String):Bool {
		return try StringTools.urlDecode(address).indexOf("ticket=") >= 0 catch (_:Dynamic) true;
	}

	/** What is one argument of a command, and no more. */
	static final WORD = ~/^[^\s\x00-\x1f\x7f]+$/;

	static final SHAPE = ~/^ticket:1\.([0-9]+)\.[0-9a-f.]+$/;
}
