using Connectors.Gateway.Security;
using Microsoft.AspNetCore.Http;

namespace Connectors.Gateway.Tests;

/// <summary>Which part of a request's cookies is read as the page's session, and which functions do not get.</summary>
public sealed class SessionCookieTests
{
    // The last two are cookies of other names to a browser, whatever .NET takes for white space.
    [Theory]
    [InlineData("a=1; connectors_session=x; b=\"2 3\"; c=d=e", "x", "a=1; b=\"2 3\"; c=d=e")]
    [InlineData("connectors_session=x", "x", "")]
    [InlineData(";\tconnectors_session=x\t;; a=1;", "x", "a=1")]
    [InlineData("connectors_session=x; a=1; connectors_session=y", "x y", "a=1")]
    [InlineData("Connectors_Session=x; connectors_session =x; a=1", "", "a=1")]
    [InlineData("a=1, connectors_session=x", "", "a=1, connectors_session=x")]
    [InlineData("connectors_session=x; connectors_session_8080=y; connectors_session_9090=z; a=1", "x", "a=1")]
    [InlineData("connectors_session=x; connectors_session_8080=y; connectors_session_9090=z; a=1", "y", "a=1", "host:8080")]
    [InlineData("connectors_session=x; connectors_session_9090=z; a=1", "", "a=1", "[::1]:8080")]
    [InlineData("Connectors_Session_8080=x; =connectors_session_8080=x; connectors_session_x; a=1", "", "a=1", "host:8080")]
    [InlineData("connectors_sessions=x; a=1", "", "connectors_sessions=x; a=1")]
    [InlineData("\u00a0connectors_session=x; a=1", "", "\u00a0connectors_session=x; a=1")]
    [InlineData("\u0085connectors_session=x; a=1", "", "\u0085connectors_session=x; a=1")]
    public void What_is_read_as_a_session_is_taken_from_functions(string cookies, string sessions, string rest, string host = "host")
    {
        var request = new DefaultHttpContext { Request = { Host = new HostString(host), Headers = { Cookie = cookies } } }.Request;

        Assert.Equal(sessions, string.Join(' ', SessionCookie.ValuesIn(request)));

        SessionCookie.TakeFrom(request.Headers);

        Assert.Equal(rest, request.Headers.Cookie.ToString());
    }
}
