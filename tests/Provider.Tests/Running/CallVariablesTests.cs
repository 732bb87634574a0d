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
    [InlineData("Query", "Http_Query")]
    [InlineData("Host-", "Http_Host_")]
    [InlineData("ContentLength", "Http_ContentLength")]
    public void What_the_call_itself_says_cannot_be_said_by_a_header(string header, string variable)
    {
        var variables = VariablesOf((header, "forged"));

        Assert.Equal(header == "Host-" ? "forged" : null, variables.GetValueOrDefault(variable));
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
        var http = new DefaultHttpContext();
        http.Request.Method = "POST";
        http.Request.Host = new HostString("gateway:8080");
        foreach (var (name, value) in headers)
        {
            http.Request.Headers[name] = value;
        }

        var variables = new Dictionary<string, string>();
        CallVariables.Add(variables, http.Request, new FunctionPath(new FunctionName("fn", "ns"), "/function/fn", "", ""));
        return variables;
    }
}
