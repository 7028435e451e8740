import Cryptography
import HTTPServer
import HTTPTypes
import Hummingbird

extension CatalogService {
    /// A file of the viewers' pages as it is served.
    private struct Page {
        let path: String
        let bytes: [UInt8]
        let contentType: String
    }

    private static var pages: [Page] {
        [
            Page(path: "/", bytes: PackageResources.index_html, contentType: "text/html; charset=utf-8"),
            Page(path: "/pages/style.css", bytes: PackageResources.style_css, contentType: "text/css; charset=utf-8"),
            script("app", PackageResources.app_js), script("catalogue", PackageResources.catalogue_js),
            script("title", PackageResources.title_js), script("rows", PackageResources.rows_js),
            script("viewer", PackageResources.viewer_js), script("player", PackageResources.player_js),
            script("playlist", PackageResources.playlist_js), script("rate", PackageResources.rate_js),
            script("licence", PackageResources.licence_js), script("stream", PackageResources.stream_js),
            script("format", PackageResources.format_js),
            Page(path: "/favicon.svg", bytes: PackageResources.favicon_svg, contentType: "image/svg+xml"),
        ]
    }

    private static func script(_ name: String, _ bytes: [UInt8]) -> Page {
        Page(path: "/pages/\(name).js", bytes: bytes, contentType: "text/javascript; charset=utf-8")
    }

    /// The description of this interface (OpenAPI 3.1).
    static var openAPI: [UInt8] { PackageResources.openapi_json }

    /// The viewers' pages and `/openapi.json`. Both are part of the program and revalidated by their content's hash.
    func addPageRoutes(to router: ServiceRouter) {
        for page in Self.pages {
            let body = ReadyBody(
                bytes: page.bytes, contentType: page.contentType, entityTag: Self.tag(page.bytes),
                headers: [.cacheControl: "no-cache"])
            router.get(RouterPath(page.path)) { request, _ in body.response(to: request) }
        }
        let description = ReadyBody(
            bytes: Self.openAPI, contentType: "application/json", entityTag: Self.tag(Self.openAPI),
            headers: [.cacheControl: "public, max-age=60", .accessControlAllowOrigin: "*"])
        router.get("/openapi.json") { request, _ in description.response(to: request) }
    }

    private static func tag(_ bytes: [UInt8]) -> String { String(SHA256.hash(bytes).hex.prefix(32)) }
}
