package chat;

/** Somebody online: the nick, by which one is written to, and the name. */
class Person {
	public final aid:String;
	public final name:String;

	public function new(aid:String, name:String) {
		this.aid = aid;
		this.name = name;
	}

	/** What a list shows: the name, and the nick where it is another word. */
	public function label():String {
		return name == "" || name.toLowerCase() == aid.toLowerCase() ? aid : name + " (" + aid + ")";
	}

	/** The same with another nick. The name of a guest is the nick. */
	public function renamed(to:String):Person {
		return new Person(to, name == aid ? to : name);
	}
}
