using Microsoft.AspNetCore.Http;
using Mptcp.AspNetCore.Header;

namespace Microsoft.AspNetCore.Builder;

/// <summary>Adds Multipath TCP middleware.</summary>
public static class MptcpApplicationBuilderExtensions
{
    /// <summary>
    /// Adds the header <c>Mptcp-Status</c> to every response from here on: <c>active;subflows=2</c>, <c>not-negotiated</c>, <c>fell-back</c>,
    /// <c>unavailable</c> or <c>unknown</c>. Add it first, to have it on errors too.
    /// </summary>
    /// <param name="app">The application.</param>
    /// <returns>The application.</returns>
    /// <remarks>Requests over HTTP/3 and unix sockets have no Multipath TCP status and get no header.</remarks>
    public static IApplicationBuilder UseMptcpStatusHeader(this IApplicationBuilder app)
    {
        ArgumentNullException.ThrowIfNull(app);
        return app.Use((HttpContext context, RequestDelegate next) =>
        {
            // When the response starts and not before: an exception handler clears the headers that are there by then.
            context.Response.OnStarting(MptcpStatusHeader.SetAsync, context);
            return next(context);
        });
    }
}
