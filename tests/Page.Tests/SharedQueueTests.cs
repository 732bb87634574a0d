namespace Connectors.Page.Tests;

/// <summary>
/// Tests of the collection that shares the usual queue. Of what one that failed has broken, paused or deployed, nothing is left to the next. Tests beside that
/// collection undo nothing: it could be what one of these has just done.
/// </summary>
public abstract class SharedQueueTests(PageSystem site) : WindowTests(site)
{
    public override async ValueTask DisposeAsync()
    {
        try
        {
            await base.DisposeAsync();
        }
        finally
        {
            if (TestContext.Current.TestState?.Result is not TestResult.Passed)
            {
                await Site.ResetAsync();
            }
        }
    }
}
