package chat;

import flash.display.LoaderInfo;

/** Which server to ask first: what the page says in FlashVars, else where the movie came from. */
class Origin {
	/** Empty: the host that the movie was loaded from. */
	public final host:String;

	public final port:Int;

	/** The port that `flashgate serve` takes when nothing is said. */
	static inline final USUAL_PORT = 8080;

	function new(host:String, port:Int) {
		this.host = host;
		this.port = port;
	}

	public static function of(movie:LoaderInfo):Origin {
		final host:String = Reflect.field(movie.parameters, "host");
		final port = Std.parseInt(Reflect.field(movie.parameters, "port"));
		return new Origin(host == null ? "" : host, isPort(port) ? port : portOf(movie.url));
	}

	public static function isPort(port:Null<Int>):Bool {
		return port != null && port > 0 && port < 65536;
	}

	static function portOf(url:String):Int {
		if (url == null || url.substr(0, 4) != "http") {
			return USUAL_PORT;
		}
		final authority = url.split("/")[2];
		// In an IPv6 address there are colons, too: the port is behind its bracket.
		final colon = authority.lastIndexOf(":");
		if (colon > authority.lastIndexOf("]")) {
			return Std.parseInt(authority.substr(colon + 1));
		}
		return url.charAt(4) == "s" ? 443 : 80;
	}
}
