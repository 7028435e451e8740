/// Which release of Showrunner all of its programs are.
public enum Release {
    public static let version = "0.1.0"
}
