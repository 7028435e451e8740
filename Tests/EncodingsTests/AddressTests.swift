import Encodings
import Testing

@Suite struct AddressTests {
    @Test(
        "an address is told without what may be a secret",
        arguments: [
            ("https://films.example/a/elf.mp4", "https://films.example/a/elf.mp4"),
            (
                "https://films.example/elf.mp4?X-Amz-Credential=k&X-Amz-Signature=0123456789abcdef#t=10",
                "https://films.example/elf.mp4"
            ),
            ("https://films.example:8443#t=10", "https://films.example:8443"),
            ("https://me:pass@films.example/elf@2.mp4", "https://films.example/elf@2.mp4"),
            ("https://me:p@ss@films.example?token=x", "https://films.example"),
            ("file:///srv/films/elf%3F.mp4", "file:///srv/films/elf%3F.mp4"), ("me@films.example", "me@films.example"),
            ("", ""),
        ])
    func withoutSecrets(url: String, told: String) {
        #expect(addressWithoutSecrets(url) == told)
    }
}
