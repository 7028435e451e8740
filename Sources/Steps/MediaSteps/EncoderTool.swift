/// A way of x264's to spend bits that suits some films and not others.
struct EncoderTool: Sendable, Hashable {
    let name: String
    let parameters: [String: String]

    /// In the order in which they are tried, each beside those that were found good. Only such as were found good on some
    /// kind of film: each costs a trial on every film.
    static let all: [EncoderTool] = [
        EncoderTool(name: "quantisers by the variance of blocks", parameters: ["aq-mode": "2"]),
        EncoderTool(name: "one quantiser a picture", parameters: ["aq-mode": "0"]),
        EncoderTool(name: "six B-pictures in a row", parameters: ["bframes": "6"]),
        EncoderTool(name: "three reference pictures", parameters: ["ref": "3"]),
        EncoderTool(name: "trellis quantisation", parameters: ["trellis": "1"]),
    ]
}
