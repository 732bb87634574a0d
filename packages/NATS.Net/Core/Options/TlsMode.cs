namespace NATS.Client.Core;

public enum TlsMode
{
    /// <summary>As <see cref="Require"/> for <c>tls://</c> addresses or when certificates are set, else as <see cref="Prefer"/>.</summary>
    Auto,

    /// <summary>TLS if the server offers it.</summary>
    Prefer,

    /// <summary>TLS after the server's greeting; a server without it is refused.</summary>
    Require,

    /// <summary>TLS before the server's greeting (<c>handshake_first</c>).</summary>
    Implicit,

    /// <summary>Never TLS.</summary>
    Disable,
}
