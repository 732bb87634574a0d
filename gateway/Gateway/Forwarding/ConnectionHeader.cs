using System.Text;
using Connectors.Sdk.Invocation;

namespace Connectors.Gateway.Forwarding;

/// <summary>
/// Keeps what a request's <c>Connection</c> header names. Kestrel looks in it for close, keep-alive and upgrade, and where it finds only one of them it puts
/// that in place of the whole header: of <c>Connection: close, X-Hop</c> nobody would learn that X-Hop stays here. So it gets to read these words with a
/// tab behind them, in which it does not know them, and closing is asked for with the answer instead.
/// </summary>
internal sealed class ConnectionHeader : Encoding
{
    private const string Close = "close";

    private static readonly ConnectionHeader Shielding = new();

    /// <summary>How the bytes of a request's header become chars: each is one.</summary>
    public static Encoding EncodingOf(string name) => name.Equals("Connection", StringComparison.OrdinalIgnoreCase) ? Shielding : Latin1;

    /// <summary>Closes the connection after the answer if the request asks for it.</summary>
    public static void Honour(HttpContext http)
    {
        if (HopByHop.Has(http.Request.Headers.Connection, Close))
        {
            http.Response.Headers.Connection = Close;
        }
    }

    public override int GetByteCount(char[] chars, int index, int count) => count;

    public override int GetBytes(char[] chars, int charIndex, int charCount, byte[] bytes, int byteIndex) => Latin1.GetBytes(chars, charIndex, charCount, bytes, byteIndex);

    public override int GetCharCount(byte[] bytes, int index, int count) => Shield(Latin1.GetString(bytes, index, count)).Length;

    public override int GetChars(byte[] bytes, int byteIndex, int byteCount, char[] chars, int charIndex)
    {
        var text = Shield(Latin1.GetString(bytes, byteIndex, byteCount));
        text.CopyTo(0, chars, charIndex, text.Length);
        return text.Length;
    }

    public override int GetMaxByteCount(int charCount) => charCount;

    public override int GetMaxCharCount(int byteCount) => 2 * byteCount;

    // An upgrade is for Kestrel to see, as it came.
    private static string Shield(string value) => value.Contains("upgrade", StringComparison.OrdinalIgnoreCase)
        ? value
        : string.Join(',', value.Split(',').Select(word => word.Trim() is { } known && (known.Equals(Close, StringComparison.OrdinalIgnoreCase) || known.Equals("keep-alive", StringComparison.OrdinalIgnoreCase)) ? known + '\t' : word));
}
