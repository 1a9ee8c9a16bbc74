using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Mptcp.AspNetCore.Transport;

namespace Mptcp.AspNetCore.Policy;

/// <summary>
/// Checks the requirements of all endpoints after the pipeline is built and before the server listens, and warns if they reject every request.
/// It adds no middleware.
/// </summary>
internal sealed class RequirementCheck : IStartupFilter
{
    public Action<IApplicationBuilder> Configure(Action<IApplicationBuilder> next) => app =>
    {
        next(app);

        // The endpoints are known only now: UseEndpoints hands them over.
        var services = app.ApplicationServices;
        var requirements = services.GetRequiredService<Requirements>();
        requirements.ThrowIfInvalid(services);
        if (requirements.WhyAllAreRejected is { } reason && requirements.Enforced is { Count: > 0 } endpoints)
        {
            var logger = services.GetRequiredService<ILoggerFactory>().CreateLogger(LogCategory.Policy);
            PolicyLog.EndpointsRejectEveryRequest(logger, string.Join(", ", endpoints), reason);
        }
    };
}
