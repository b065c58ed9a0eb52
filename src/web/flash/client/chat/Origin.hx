package chat;

import flash.display.LoaderInfo;

/**
 * Which server to ask first: what the page says in FlashVars, else where the movie came from. The
 * host is worked out here, since `connect(null, port)`, which means the same, fails in Ruffle 0.6 for
 * ActionScript 3.
 */
class Origin {
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
		final from = origin(movie.url);
		return new Origin(host == null ? from.host : host, isPort(port) ? port : from.port);
	}

	public static function isPort(port:Null<Int>):Bool {
		return port != null && port > 0 && port < 65536;
	}

	/** The host and port of an address; this machine for a movie from disk. */
	static function origin(url:String):Origin {
		if (url == null || url.substr(0, 4) != "http") {
			return new Origin("localhost", USUAL_PORT);
		}
		final authority = url.split("/")[2];
		final colon = authority.lastIndexOf(":");
		// In an IPv6 address there are colons, too: the port is behind its bracket.
		if (colon > authority.lastIndexOf("]")) {
			return new Origin(authority.substr(0, colon), Std.parseInt(authority.substr(colon + 1)));
		}
		return new Origin(authority, url.charAt(4) == "s" ? 443 : 80);
	}
}
