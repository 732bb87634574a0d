using System.Text;
using Connectors.Provider.Contracts;
using Connectors.Provider.Isolation;
using Connectors.Provider.Running;
using Connectors.Sdk.Invocation;
using CsCheck;
using Microsoft.AspNetCore.Http;

namespace Connectors.Provider.Tests.Running;

/// <summary>What of a caller's headers becomes a variable of the function's process.</summary>
public sealed class CallVariablesTests
{
    [Theory]
    [InlineData("Proxy")]
    [InlineData("proxy")]
    [InlineData("PROXY")]
    [InlineData("Proxy-Authorization")]
    [InlineData("Proxy-User")]
    [InlineData("proxy_request_fulluri")]
    [InlineData("Connection")]
    [InlineData("Transfer-Encoding")]
    public void A_header_that_a_library_would_obey_or_that_concerns_a_connection_is_never_one(string header) =>
        Assert.DoesNotContain(VariablesOf((header, "http://attacker")), v => v.Value.Contains("attacker", StringComparison.Ordinal));

    [Fact]
    public void No_header_can_become_a_variable_of_another_kind() => Gen.String[Gen.Char["proxyPROXYhttpHTTP_-=.AZaz09"], 1, 12].Sample(
        name => VariablesOf((name, "x")).Keys.All(key =>
            key.StartsWith("Http_", StringComparison.Ordinal) && !key.Contains('=', StringComparison.Ordinal)
            && !key.Equals("http_proxy", StringComparison.OrdinalIgnoreCase) && !key.StartsWith("http_proxy_", StringComparison.OrdinalIgnoreCase)),
        iter: 20_000);

    [Theory]
    [InlineData("Query", "Http_Query", null)]
    [InlineData("Host-", "Http_Host_", "forged")]
    [InlineData("ContentLength", "Http_ContentLength", "0")]
    [InlineData("Content_Length", "Http_Content_Length", "0")]
    [InlineData("Transfer_Encoding", "Http_Transfer_Encoding", null)]
    public void What_the_call_itself_says_cannot_be_said_by_a_header(string header, string variable, string? told) =>
        Assert.Equal(told, VariablesOf((header, "forged")).GetValueOrDefault(variable));

    [Theory]
    [InlineData("", "/")]
    [InlineData("/a%20b+c", "/a b+c")]
    [InlineData("/%C3%BC", "/ü")]
    [InlineData("/a%2Fb//c", "/a/b//c")]
    [InlineData("/%2525", "/%25")]
    [InlineData("/%zz%4", "/%zz%4")]
    [InlineData("/%0a=1", "/\n=1")]
    [InlineData("/a%2F..%2F..%2Fb", "/b")]
    [InlineData("/a%2F.", "/a/")]
    public void The_path_has_its_escapes_undone_and_leads_nowhere_else(string sent, string told) => Assert.Equal(told, PathOf(sent));

    [Fact]
    public void A_path_that_cannot_be_a_variables_value_is_none() => Assert.Null(PathOf("/a%00b"));

    [Fact]
    public void Any_bytes_of_a_path_are_told() => Gen.Byte[1, 255].Where(b => b is not ((byte)'.' or (byte)'%')).Array[0, 40].Sample(
        bytes => Assert.Equal(EnvironmentBytes.ToText([(byte)'/', .. bytes]), PathOf("/" + string.Concat(bytes.Select(b => $"%{b:x2}")))),
        iter: 20_000);

    [Theory]
    [InlineData(4, null, "4")]
    [InlineData(null, null, "0")]
    [InlineData(null, "chunked", "-1")]
    public void A_body_without_a_length_is_told_from_none(int? length, string? coding, string told)
    {
        var request = Post();
        request.ContentLength = length;
        request.Headers.TransferEncoding = coding;

        var variables = VariablesOf(request, "");

        Assert.Equal((told, told), (variables["Http_ContentLength"], variables["Http_Content_Length"]));
        Assert.Equal(coding, variables.GetValueOrDefault("Http_Transfer_Encoding"));
    }

    [Fact]
    public void Of_two_headers_for_one_variable_the_one_with_hyphens_counts()
    {
        Assert.Equal("real", VariablesOf(("X-1", "real"), ("x_1", "forged"))["Http_X_1"]);
        Assert.Equal("real", VariablesOf(("x_1", "forged"), ("X-1", "real"))["Http_X_1"]);
    }

    [Fact]
    public void Bytes_that_are_UTF_8_are_that_text() => Assert.Equal("Müller 🦉", VariablesOf(("X-Name", Encoding.Latin1.GetString("Müller 🦉"u8)))["Http_X_Name"]);

    [Fact]
    public void Any_bytes_come_back_from_text_and_escapes() => Gen.Byte[1, 255].Array[0, 40].Sample(
        bytes =>
        {
            var text = EnvironmentBytes.ToText(bytes);
            Assert.Equal(bytes, EnvironmentBytes.AreNeeded(text) ? Unescape(EnvironmentBytes.Escaped(text)) : Encoding.UTF8.GetBytes(text));
        },
        iter: 20_000);

    // As printf %b does it.
    private static byte[] Unescape(string text)
    {
        var bytes = new List<byte>();
        foreach (var b in Encoding.UTF8.GetBytes(text))
        {
            bytes.Add(b);
            if (bytes.Count >= 5 && bytes[^5] == '\\')
            {
                var value = Convert.ToByte(Encoding.ASCII.GetString([.. bytes[^3..]]), 8);
                bytes.RemoveRange(bytes.Count - 5, 5);
                bytes.Add(value);
                if (value == '\\')
                {
                    // Not the beginning of another escape.
                    bytes[^1] = 0;
                }
            }
        }

        return [.. bytes.Select(b => b == 0 ? (byte)'\\' : b)];
    }

    private static Dictionary<string, string> VariablesOf(params (string Name, string Value)[] headers)
    {
        var request = Post();
        foreach (var (name, value) in headers)
        {
            request.Headers[name] = value;
        }

        return VariablesOf(request, "");
    }

    // Of a call whose address goes on so behind the function's name.
    private static string? PathOf(string rest) => VariablesOf(Post(), rest).GetValueOrDefault("Http_Path");

    private static Dictionary<string, string> VariablesOf(HttpRequest request, string rest)
    {
        var variables = new Dictionary<string, string>();
        CallVariables.Add(variables, request, new FunctionPath(new FunctionName("fn", "ns"), "/function/fn" + rest, rest, ""));
        return variables;
    }

    private static HttpRequest Post()
    {
        var request = new DefaultHttpContext().Request;
        request.Method = "POST";
        request.Host = new HostString("gateway:8080");
        return request;
    }
}
