/// A maturity rating as its board writes it, and the age from which it lets people watch: what a profile's ceiling is
/// compared with.
public struct MaturityRating: Sendable, Hashable {
    /// Whose rating it is: `MPA`, `TV` (the United States' TV Parental Guidelines), `FSK`, `BBFC`, `PEGI`, or `age` for a
    /// bare number.
    public let scheme: String
    /// In years, 0 to 21.
    public let minimumAge: Int

    /// Nil for a rating that no board here is known to give: such a title counts as not rated.
    ///
    /// Ages are the boards' own where a rating is one, and else those at which they advise against it for younger ones.
    public init?(_ text: String) {
        let words = text.uppercased().split(whereSeparator: { $0 == " " || $0 == "-" || $0 == "/" })
        let rating = words.joined(separator: "-")
        if let (scheme, age) = Self.known[rating] {
            self.scheme = scheme
            minimumAge = age
            return
        }
        let board = words.count == 2 ? String(words[0]) : "age"
        guard words.count == 1 || ["FSK", "BBFC", "PEGI"].contains(board), var number = words.last else { return nil }
        if number.last == "+" { number.removeLast() }
        guard (1...2).contains(number.utf8.count), let age = Int(number), (0...21).contains(age) else { return nil }
        scheme = board
        minimumAge = age
    }

    private static let known: [String: (String, Int)] = [
        // Motion Picture Association: filmratings.com.
        "G": ("MPA", 0), "PG": ("MPA", 8), "PG-13": ("MPA", 13), "R": ("MPA", 17), "NC-17": ("MPA", 18),
        // tvguidelines.org.
        "TV-Y": ("TV", 0), "TV-Y7": ("TV", 7), "TV-Y7-FV": ("TV", 7), "TV-G": ("TV", 0), "TV-PG": ("TV", 8),
        "TV-14": ("TV", 14), "TV-MA": ("TV", 17),
        // British Board of Film Classification.
        "BBFC-U": ("BBFC", 0), "BBFC-PG": ("BBFC", 8), "12A": ("BBFC", 12), "BBFC-12A": ("BBFC", 12),
        "U": ("BBFC", 0),
    ]
}
