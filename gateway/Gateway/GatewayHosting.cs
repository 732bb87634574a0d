using Connectors.Gateway.Forwarding;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace Connectors.Gateway;

/// <summary>The options, and how much the listener takes in. Each room registers what is in it.</summary>
internal static class GatewayHosting
{
    // As Go's server: the whole block of headers. Lines are counted too: the server copies those of one name anew for each, and 16,000 of four bytes would cost a gigabyte.
    // A callback brings those of an answer, up to 1,000, with some of the worker's own.
    private const int MaxHeaderBytes = 1024 * 1024;
    private const int MaxHeaders = 1100;
    private const int MaxRequestLine = 256 * 1024;

    public static void AddGatewayOptions(this WebApplicationBuilder builder, GatewayOptions options)
    {
        builder.Services.AddSingleton(options);
        builder.Services.AddSingleton(options.Queue);
        builder.Services.AddSingleton(options.History);
        builder.WebHost.ConfigureKestrel(kestrel => Limit(kestrel, options));
    }

    private static void Limit(KestrelServerOptions kestrel, GatewayOptions options)
    {
        kestrel.Limits.MaxRequestBodySize = null;
        kestrel.Limits.MaxRequestHeadersTotalSize = MaxHeaderBytes;
        kestrel.Limits.MaxRequestHeaderCount = MaxHeaders;
        kestrel.Limits.MaxRequestLineSize = MaxRequestLine;
        kestrel.Limits.RequestHeadersTimeout = options.ReadTimeout;
        kestrel.Limits.KeepAliveTimeout = options.IdleTimeout;

        // RFC 9112 3.2.2: a whole address as target says which host is meant, whatever the Host header says.
        kestrel.AllowHostHeaderOverride = true;

        // A function's body may be an event stream that is silent for a while; what bounds it is the call's own limit.
        kestrel.Limits.MinRequestBodyDataRate = null;

        // Header values are bytes: each char up to U+00FF is one, in and out.
        kestrel.RequestHeaderEncodingSelector = ConnectionHeader.EncodingOf;
        kestrel.ResponseHeaderEncodingSelector = _ => System.Text.Encoding.Latin1;
    }
}
