package chat;

/** One message. On the wire `aid` is who wrote it and `from` who gets it: the names of 2007. */
class Message {
	public final sender:String;
	public final recipient:String;
	public final time:String;
	public final text:String;

	/** The room that it is for; null for a private message. */
	public final room:String;

	/** The text says what the sender does. */
	public final action:Bool;

	public function new(sender:String, recipient:String, time:String, text:String, action:Bool, ?room:String) {
		this.sender = sender;
		this.recipient = recipient;
		this.time = time;
		this.text = text;
		this.action = action;
		this.room = room;
	}
}
