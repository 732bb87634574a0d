using System.Text;
using Connectors.Sdk.Invocation;

namespace Connectors.Gateway.Forwarding;

/// <summary>
/// Keeps what a request's <c>Connection</c> header names. Kestrel looks in it for close, keep-alive and upgrade, and where it finds only one of them it puts
/// that in place of the whole header: of <c>Connection: close, X-Hop</c> nobody would learn that X-Hop stays here. So it gets to read the first two with a
/// tab behind them, in which it does not know them, and closing is asked for with the answer instead. An upgrade it has to see, and gets to read a keep-alive
/// beside it: of two it puts neither in place of anything.
/// </summary>
internal sealed class ConnectionHeader : Encoding
{
    private const string Close = "close";
    private const string KeepAlive = "keep-alive";
    private const string Upgrade = "upgrade";

    private static readonly ConnectionHeader Shielding = new();

    /// <summary>How the bytes of a request's header become chars: each is one.</summary>
    public static Encoding EncodingOf(string name) => name.Equals("Connection", StringComparison.OrdinalIgnoreCase) ? Shielding : Latin1;

    /// <summary>Closes the connection after the answer if the request asks for it, or is of HTTP/1.0: what Kestrel was told beside an upgrade, nobody has asked for.</summary>
    public static void Honour(HttpContext http)
    {
        if (HopByHop.Has(http.Request.Headers.Connection, Close) || HttpProtocol.IsHttp10(http.Request.Protocol))
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

    public override int GetMaxCharCount(int byteCount) => (2 * byteCount) + KeepAlive.Length + 1;

    private static string Shield(string value)
    {
        var words = value.Split(',');
        var isUpgrade = false;
        for (var i = 0; i < words.Length; i++)
        {
            var word = words[i].Trim();
            if (Is(word, Close) || Is(word, KeepAlive))
            {
                words[i] = word + '\t';
            }
            else if (Is(word, Upgrade))
            {
                // Kestrel takes spaces off, and no other blanks: it is to know every one that is known here.
                words[i] = word;
                isUpgrade = true;
            }
        }

        return string.Join(',', words) + (isUpgrade ? "," + KeepAlive : "");
    }

    private static bool Is(string word, string known) => word.Equals(known, StringComparison.OrdinalIgnoreCase);
}
